"""Bytes in, an lzop file out, block by block. The same bytes make the same file, however they are cut."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import Enum

from forebay.lzop.codec import deflater
from forebay.lzop.header import BLOCK_BYTES, Bytes, Flag, Header


class Checksum(Enum):
    """Of the header, of every block's text, and of what that is compressed to.

    lzop by itself adds up the text alone. A bit that flips in compressed data changes many bytes of text, and their
    Adler-32 may come out the same; one of the compressed data never does.
    """

    ADLER32 = Flag.UNIX | Flag.ADLER32_TEXT | Flag.ADLER32_PACKED
    """The kind that lzop takes unless told otherwise."""
    CRC32 = Flag.UNIX | Flag.CRC32_TEXT | Flag.CRC32_PACKED | Flag.CRC32_HEADER

    def of(self, data: Bytes) -> bytes:
        """Its four bytes."""
        return (zlib.crc32(data) if self is Checksum.CRC32 else zlib.adler32(data)).to_bytes(4)


def compress(
    chunks: Iterable[bytes],
    *,
    name: str,
    modified: datetime,
    checksum: Checksum = Checksum.ADLER32,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[bytes]:
    """An lzop file of what `chunks` hold, in pieces of a block each; two blocks are in memory at a time.

    `name` and `modified` (aware) are what `lzop -N` restores. Nothing but the text and these arguments decides what a
    version of the library writes: no clock, no owner, no cutting of `chunks`. `block_bytes` is the text in a block, at
    most BLOCK_BYTES: blocks of 16 KiB are written almost three times as fast and come out a twentieth larger. Raises
    UsageError at the first piece for a name or time that the format has no room for; what `chunks` raises comes
    through.
    """
    if not 0 < block_bytes <= BLOCK_BYTES:
        raise ValueError(f"a block has 1 to {BLOCK_BYTES:,} bytes, not {block_bytes:,}")
    yield Header(name, modified, checksum.value).to_bytes()
    deflate = deflater()
    for text in _blocks(chunks, block_bytes):
        yield _block(text, checksum, deflate)
    yield bytes(4)


def _block(text: bytearray, checksum: Checksum, deflate: Callable[[Bytes], bytes]) -> bytes:
    """Lengths, checksums and data; the data are the text itself where LZO does not make it smaller."""
    size, packed = len(text).to_bytes(4), deflate(text)
    if len(packed) >= len(text):
        return b"".join((size, size, checksum.of(text), text))
    return b"".join((size, len(packed).to_bytes(4), checksum.of(text), checksum.of(packed), packed))


def _blocks(chunks: Iterable[bytes], size: int) -> Iterator[bytearray]:
    """Cut anew: all but the last have `size` bytes, none is empty."""
    held = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            piece = view[: size - len(held)]
            held += piece
            view = view[len(piece) :]
            if len(held) == size:
                yield held
                held = bytearray()
    if held:
        yield held
