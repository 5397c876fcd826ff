"""An lzop file in, its text out, block by block, each checked before it is given out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from forebay.errors import Damaged
from forebay.lzop.codec import NotLzo, inflate
from forebay.lzop.header import BLOCK_BYTES, Bytes, Flag
from forebay.lzop.opening import opened
from forebay.lzop.supply import Supply

_Sum = Callable[[Bytes], int]
_OF_TEXT: dict[Flag, _Sum] = {Flag.ADLER32_TEXT: zlib.adler32, Flag.CRC32_TEXT: zlib.crc32}
_OF_PACKED: dict[Flag, _Sum] = {Flag.ADLER32_PACKED: zlib.adler32, Flag.CRC32_PACKED: zlib.crc32}


def decompress(chunks: Iterable[bytes], *, name: str = "the lzop file") -> Iterator[bytes]:
    """The text of an lzop file, or of several end to end, in pieces of at most 256 KiB.

    Reads what lzop 1.04 writes at any level, with either checksum or none. A piece is given out only when it has its
    length and agrees with its checksums; the file is whole only when the iterator ends by itself. A length that no
    writer of blocks of 256 KiB would write is refused before room is made for it. Raises Damaged, naming `name` and
    the block, CheckFailed for what is no lzop file or packed in a way that is not known; what `chunks` raises comes
    through.
    """
    supply = Supply(chunks, name)
    yield from _member(supply, 0)
    while not supply.ended:
        yield from _member(supply, supply.taken)


def _member(supply: Supply, start: int) -> Iterator[bytes]:
    """One file of those that lie end to end."""
    sums = _sums(opened(supply))
    number = 1
    where = _where(number, start)
    while size := supply.number(where):
        yield _Block(supply, where, size).text(sums)
        number += 1
        where = _where(number, start)


class _Sums(NamedTuple):
    """The checksums that each block has, in their order."""

    text: list[_Sum]
    packed: list[_Sum]


def _sums(flags: int) -> _Sums:
    return _Sums(*([kind for flag, kind in kinds.items() if flags & flag] for kinds in (_OF_TEXT, _OF_PACKED)))


def _where(number: int, start: int) -> str:
    return f"block {number}" + (f" of the part from byte {start} on" if start else "")


class _Block:
    """The next block, of `size` bytes of text as it says."""

    def __init__(self, supply: Supply, where: str, size: int) -> None:
        self._supply, self._where = supply, where
        self._size, self._packed = size, supply.number(where)
        if size > BLOCK_BYTES:
            raise self._damaged(f"claims {size:,} bytes, and no block has more than {BLOCK_BYTES:,}")
        if not 0 < self._packed <= size:
            raise self._damaged(f"claims {self._packed:,} bytes in the file for {size:,} of text")

    def text(self, sums: _Sums) -> bytes:
        """Read and checked. Raises Damaged."""
        stored = self._packed == self._size
        of_text = self._expected(sums.text)
        of_packed = [] if stored else self._expected(sums.packed)
        data = self._supply.take(self._packed, self._where)
        self._compare(data, of_packed, "data that do not match their checksum")
        text = bytes(data) if stored else self._inflate(data)
        self._compare(text, of_text, "text that does not match its checksum")
        return text

    def _expected(self, kinds: list[_Sum]) -> list[tuple[_Sum, int]]:
        return [(kind, self._supply.number(self._where)) for kind in kinds]

    def _compare(self, data: Bytes, sums: list[tuple[_Sum, int]], what: str) -> None:
        for kind, expected in sums:
            if kind(data) != expected:
                raise self._damaged(f"has {what}")

    def _inflate(self, data: Bytes) -> bytes:
        try:
            text = inflate(data, self._size)
        except NotLzo as error:
            raise self._damaged(str(error)) from error
        if len(text) != self._size:
            raise self._damaged(f"holds {len(text):,} bytes of text, not {self._size:,}")
        return text

    def _damaged(self, why: str) -> Damaged:
        return Damaged(f"{self._supply.name}: {self._where} {why}", remedy="fetch or make the file again")
