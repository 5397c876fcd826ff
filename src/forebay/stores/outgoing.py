"""Bytes on their way into a store: counted, and handed from the thread that has them to the one that sends them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Condition
from typing import TypeVar

from forebay.errors import CheckFailed

Sent = TypeVar("Sent")

_WAITING = 2
"""Chunks that may wait for the sender."""


def counted(chunks: Iterable[bytes], size: int, key: str) -> Iterator[bytes]:
    """The chunks as they are. Raises CheckFailed when they are not `size` bytes together."""
    seen = 0
    for chunk in chunks:
        seen += len(chunk)
        if seen > size:
            break
        yield chunk
    if seen != size:
        raise CheckFailed(f"{key}: {seen} bytes came where {size} were announced")


def send(chunks: Iterable[bytes], upload: Callable[[Iterator[bytes]], Sent]) -> Sent:
    """Run `upload` in a thread of its own on what `chunks` gives in this one; return what it returned.

    The object-store library asks for the next chunk from inside its own event loop, where `chunks` could not use
    that library. What `chunks` raises is raised in `upload` and comes through here; so does what `upload` raises.
    """
    feed = _Feed()
    with ThreadPoolExecutor(1, thread_name_prefix="upload") as pool:
        done = pool.submit(upload, feed)
        done.add_done_callback(lambda _: feed.stop())
        try:
            wanted = all(feed.give(chunk) for chunk in chunks)
        except BaseException as error:
            feed.end(error)
            raise
        if wanted:
            feed.end()
        return done.result()


class _Feed(Iterator[bytes]):
    """A short queue between two threads, which either side can close."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._chunks: deque[bytes] = deque()
        self._ended = self._stopped = False
        self._error: BaseException | None = None

    def give(self, chunk: bytes) -> bool:
        """Wait for room and add a chunk; false when nobody takes it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._chunks) < _WAITING)
            self._chunks.append(chunk)
            self._changed.notify_all()
            return not self._stopped

    def end(self, error: BaseException | None = None) -> None:
        """Nothing follows: the other side comes to the end, or at once to `error`."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing is taken any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __next__(self) -> bytes:
        """The next chunk."""
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._ended)
            if self._error is not None:
                raise self._error
            if not self._chunks:
                raise StopIteration
            self._changed.notify_all()
            return self._chunks.popleft()
