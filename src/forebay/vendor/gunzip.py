"""Gzip bytes in, blocks of whole lines out, decompressed in a thread of its own."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from forebay.vendor.inflate import Inflater

BLOCK_BYTES = 8 << 20
"""Text in one block: larger ones leave the processor's cache, smaller ones cost more calls; best of 2 to 16 MiB."""
_GAP = 0.5
"""Seconds between two looks at whether the reader has gone."""

Chunk = bytes
"""`bytes`, where a field of that name hides it."""


@dataclass
class Received:
    """What came over the wire. Complete once the rows have been read to their end."""

    bytes: int = 0
    rows: int = 0
    """Lines after the header, bad ones included."""
    _hash: Any = field(default_factory=hashlib.sha256, repr=False)

    @property
    def sha256(self) -> str:
        """Of the compressed bytes, hex."""
        return str(self._hash.hexdigest())

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.bytes += len(chunk)
        self._hash.update(chunk)


def blocks(chunks: Iterable[bytes], name: str, received: Received, size: int | None = None) -> Iterator[bytes]:
    """Decompress `chunks` into blocks of whole lines of about `size` (BLOCK_BYTES), at most two of them waiting.

    Raises Damaged naming `name` when the gzip is cut short or damaged; what `chunks` raises comes through.
    """
    ready: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=2)
    with _thread(
        lambda stop: _feed(_whole_lines(_decompress(chunks, name, received), size or BLOCK_BYTES), ready, stop)
    ):
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item


@contextmanager
def _thread(work: Any) -> Iterator[None]:
    stop = threading.Event()
    worker = threading.Thread(target=work, args=(stop,), name="gunzip", daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def _feed(blocks: Iterable[bytes], ready: queue.Queue[bytes | BaseException | None], stop: threading.Event) -> None:
    """Put every block, then None; an error instead of None."""
    end: BaseException | None = None
    try:
        for block in blocks:
            if not _put(ready, block, stop):
                return
    except BaseException as error:  # noqa: BLE001 - it is raised again in the reader's thread
        end = error
    _put(ready, end, stop)


def _put(
    ready: queue.Queue[bytes | BaseException | None], item: bytes | BaseException | None, stop: threading.Event
) -> bool:
    while not stop.is_set():
        try:
            ready.put(item, timeout=_GAP)
        except queue.Full:
            continue
        return True
    return False


def _whole_lines(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Join pieces into blocks that end with a line's end; the last one ends where the text does."""
    held: list[bytes] = []
    bytes_held = 0
    for piece in pieces:
        held.append(piece)
        bytes_held += len(piece)
        cut = piece.rfind(b"\n") + 1
        if bytes_held >= size and cut:
            held[-1] = piece[:cut]
            yield b"".join(held)
            held = [piece[cut:]]
            bytes_held = len(held[0])
    if bytes_held:
        yield b"".join(held)


def _decompress(chunks: Iterable[bytes], name: str, received: Received) -> Iterator[bytes]:
    """Pieces of text, no matter how far a chunk expands."""
    inflater = Inflater(name)
    for chunk in chunks:
        received.add(chunk)
        yield from inflater.pieces(chunk)
    inflater.finish()
