"""The check on the way: what passes from the vendor to a destination is hashed, decoded to its end and counted."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from forebay.vendor.inflate import PIECE_BYTES, Inflater

_WAITING = 6
"""Chunks, of about a megabyte, between the transfer and the check of them."""
_SMALL = 1 << 20
"""Bytes. A file of up to so many costs less to inspect than a thread."""
_LONGEST_HEADER = 64 << 10
_NEWLINE = ord("\n")


@dataclass(frozen=True, slots=True)
class Findings:
    """What one pass over a file's bytes says of it."""

    bytes: int
    sha256: str
    """Of the compressed bytes, hex."""
    md5: str
    """The same; empty where it was not asked for."""
    rows: int
    """Lines after the header, the last one with or without a line's end."""
    header: str
    """The first line, without its end."""


class Inspection:
    """Takes the chunks of one file in order. Not for several threads.

    `md5` costs more than twice what sha256 does: it is worth it where a store's answer can be compared with it.
    """

    def __init__(self, name: str, *, md5: bool = True) -> None:
        self._inflater = Inflater(name)
        self._sha256 = hashlib.sha256(usedforsecurity=False)
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None
        self._header = b""
        self._lines = 0
        self._last = b"\n"
        self._is_newline = np.empty(PIECE_BYTES, dtype=np.bool_)

    def add(self, chunk: bytes) -> None:
        """Look at the next chunk. Raises Damaged."""
        self.hash(chunk)
        self.decode(chunk)

    def hash(self, chunk: bytes) -> None:
        """Hash the next chunk. May run beside `decode`."""
        self._sha256.update(chunk)
        if self._md5:
            self._md5.update(chunk)

    def decode(self, chunk: bytes) -> None:
        """Decode the next chunk and count its lines. Raises Damaged. May run beside `hash`."""
        for piece in self._inflater.pieces(chunk):
            if not self._lines and len(self._header) < _LONGEST_HEADER:
                self._header += piece[:_LONGEST_HEADER]
            # numpy counts five times as fast as bytes.count, and without the GIL
            found = np.equal(np.frombuffer(piece, np.uint8), _NEWLINE, out=self._is_newline[: len(piece)])
            self._lines += int(np.count_nonzero(found))
            self._last = piece[-1:]

    def finish(self) -> Findings:
        """Call it after the last chunk. Raises Damaged when the gzip does not end here."""
        self._inflater.finish()
        lines = self._lines + (self._last != b"\n")
        return Findings(
            self._inflater.taken,
            self._sha256.hexdigest(),
            self._md5.hexdigest() if self._md5 else "",
            max(lines - 1, 0),
            self._header.partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "replace"),
        )


def inspected(chunks: Iterable[bytes], inspection: Inspection, size: int) -> Generator[bytes, None, None]:
    """Hand on the chunks of a file of `size` bytes while two threads inspect them; ends after the last one passed.

    Raises Damaged, at the latest at the end, and what `chunks` raises. A small file is inspected where it passes.
    """
    if size <= _SMALL:
        for chunk in chunks:
            inspection.add(chunk)
            yield chunk
        return
    with ThreadPoolExecutor(1, "hashing") as hashing, ThreadPoolExecutor(1, "decoding") as decoding:
        waiting: deque[tuple[Future[None], Future[None]]] = deque()
        for chunk in chunks:
            if len(waiting) == _WAITING:
                _await(waiting.popleft())
            waiting.append((hashing.submit(inspection.hash, chunk), decoding.submit(inspection.decode, chunk)))
            yield chunk
        for ends in waiting:
            _await(ends)


def _await(ends: Iterable[Future[None]]) -> None:
    for end in ends:
        end.result()


def differing_header(findings: Findings, columns: Sequence[str]) -> str | None:
    """The file's header where it is not the dataset's; None where it is."""
    return None if findings.header == ",".join(columns) else findings.header
