"""Gzip bytes in, blocks of whole lines out, decompressed in a thread of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from forebay.ahead import ahead
from forebay.errors import CheckFailed
from forebay.vendor.inflate import Inflater

BLOCK_BYTES = 4 << 20
"""Text in one block: smaller ones cost more calls, larger ones more new memory each time; best of 1 to 16 MiB."""

MOST_LINE_BYTES = 1 << 20
"""The vendor's lines have some hundred bytes. Without a bound, a file without line ends would have to fit in memory."""

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
    """Decompress `chunks` into blocks of whole lines of about `size` (BLOCK_BYTES), at most three of them ahead.

    Raises Damaged naming `name` when the gzip is cut short or damaged, CheckFailed for a line of no end; what `chunks`
    raises comes through.
    """
    return ahead(_whole_lines(_decompress(chunks, name, received), name, size or BLOCK_BYTES), "gunzip", most=3)


def _whole_lines(pieces: Iterable[bytes], name: str, size: int) -> Iterator[bytes]:
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
        elif bytes_held > size + MOST_LINE_BYTES:
            raise CheckFailed(
                f"{name}: a line is longer than {MOST_LINE_BYTES:,} bytes, so it is no CSV of the vendor's",
                remedy="look at the file; load it again after the vendor repairs it",
            )
    if bytes_held:
        yield b"".join(held)


def _decompress(chunks: Iterable[bytes], name: str, received: Received) -> Iterator[bytes]:
    """Pieces of text, no matter how far a chunk expands."""
    inflater = Inflater(name)
    for chunk in chunks:
        received.add(chunk)
        yield from inflater.pieces(chunk)
    inflater.finish()
