"""An object as a stream: parts of it read side by side, each resumed where it was cut, all of one state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Self

import obstore
from obstore.store import S3Store

from forebay.clock import Clock
from forebay.errors import ForebayError
from forebay.stores.backoff import Backoff
from forebay.stores.wire import FAILURES, safe_cause
from forebay.telemetry.tracing import carried, span

PART_BYTES = 8 * 2**20
PARTS_AHEAD = 3
"""Parts in memory besides the one in the reader's hands: some 32 MB for an object of any size."""
_PIECES = 8
"""Of a part: what was received of a piece when its connection breaks off is received again. Smaller ones cost time."""


@dataclass(frozen=True, slots=True)
class Failures:
    """How a bucket's failures are called. Each is given the object's key last."""

    refused: Callable[[Exception, str], ForebayError]
    """For an error of the object-store library."""
    cut: Callable[[int, str], ForebayError]
    """For an answer that ended early, before this byte."""
    changed: Callable[[int, str], ForebayError]
    """For an object that is not the one that was listed, with its size."""
    passing: type[ForebayError]
    """What is worth another attempt: this class, and none below it."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of an object that is to be read."""

    key: str
    """The bucket's own key."""
    size: int
    etag: str
    """Without quotes; empty when it is not known."""


class PartReader:
    """Reads ranges of one state of one object. Safe to use from several threads."""

    def __init__(self, client: S3Store, state: State, failures: Failures, clock: Clock, backoff: Backoff) -> None:
        self._client = client
        self._state = state
        self._failures = failures
        self._clock = clock
        self._backoff = backoff
        self._stopped = Event()

    def stop(self) -> None:
        """Let reads that are under way end soon, with less than was asked."""
        self._stopped.set()

    def read(self, start: int, end: int) -> list[bytes]:
        """The bytes from `start` up to `end`, in pieces. Raises what `Failures` makes."""
        with span("file read", {"url.path": self._state.key, "forebay.from": start, "forebay.to": end}):
            return self._read(start, end)

    def _read(self, start: int, end: int) -> list[bytes]:
        pieces: list[bytes] = []
        at, attempts, piece_bytes = start, 0, max((end - start) // _PIECES, 1)
        while at < end and not self._stopped.is_set():
            before = at
            try:
                for piece in self._pieces(at, end, piece_bytes):
                    pieces.append(piece)
                    at += len(piece)
                    if self._stopped.is_set():
                        return pieces
                failure = self._failures.cut(at, self._state.key)
            except FAILURES as error:
                failure = self._failures.refused(error, self._state.key)
                failure.__cause__ = safe_cause(error)
            if at < end:
                attempts = attempts + 1 if at == before else 1
                self._wait_or_raise(failure, attempts)
                piece_bytes = 1  # every byte counts on a line like this
        return pieces

    def _pieces(self, start: int, end: int, piece_bytes: int) -> Iterator[bytes]:
        """One answer's bytes, as far as the connection lasts."""
        etag = quoted(self._state.etag) if self._state.etag else None
        answer = obstore.get(self._client, self._state.key, options={"range": (start, end), "if_match": etag})
        self._check(answer.meta["size"], answer.meta["e_tag"])
        yield from answer.stream(min_chunk_size=piece_bytes)

    def _check(self, size: int, etag: str | None) -> None:
        same_etag = not self._state.etag or (etag or "").strip('"') == self._state.etag
        if size != self._state.size or not same_etag:
            raise self._failures.changed(size, self._state.key)

    def _wait_or_raise(self, failure: ForebayError, attempts: int) -> None:
        if type(failure) is not self._failures.passing or attempts >= self._backoff.attempts:
            raise failure
        self._clock.sleep(self._backoff.wait(attempts))


class RangedStream(Iterator[bytes]):
    """The bytes of one state of an object from `start` on, in order. Close it, or use `with`.

    It ends only after the last byte; everything else raises what the reader raises. Nothing is asked before the
    first chunk is.
    """

    def __init__(self, reader: PartReader, size: int, start: int = 0, part_bytes: int = PART_BYTES) -> None:
        self.size = size
        """Of the whole object."""
        self._reader = reader
        self._starts = iter(range(start, size, part_bytes))
        self._part_bytes = part_bytes
        one_part = size - start <= part_bytes  # costs less than a thread
        self._pool = None if one_part else ThreadPoolExecutor(PARTS_AHEAD, thread_name_prefix="ranges")
        self._parts: deque[Future[list[bytes]]] = deque()
        self._pieces: deque[bytes] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        """The next chunk."""
        if not self._pieces:
            self._pieces.extend(self._next_part())
        return self._pieces.popleft()

    def _next_part(self) -> list[bytes]:
        while len(self._parts) < PARTS_AHEAD and (start := next(self._starts, None)) is not None:
            end = min(start + self._part_bytes, self.size)
            if self._pool is None:
                return self._reader.read(start, end)
            self._parts.append(self._pool.submit(carried(self._reader.read), start, end))
        if not self._parts:
            self.close()
            raise StopIteration
        try:
            return self._parts.popleft().result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop reading ahead. Can be called twice."""
        self._reader.stop()
        self._starts = iter(range(0))
        self._parts.clear()
        self._pieces.clear()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)


def quoted(etag: str) -> str:
    """An ETag as HTTP writes it."""
    return etag if etag.startswith("W/") else f'"{etag}"'
