"""What every lzop file starts with: who wrote it, how, and the name and time of what is in it. All big-endian."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntFlag

from forebay.errors import UsageError

Bytes = bytes | bytearray | memoryview
"""Of a block: as they came, without a copy."""

MAGIC = b"\x89LZO\0\r\n\x1a\n"
BLOCK_BYTES = 256 << 10
"""Text in one block, at most: what lzop writes."""
VERSION = 0x1040
"""Of lzop, 1.04: what a file claims as its writer, and the latest whose files are understood."""
_LIBRARY = 0x20A0
"""Of liblzo2, 2.10, which that lzop has."""
OLDEST_READER = 0x0940
"""The lzop that this layout came with."""
_OLDEST_READER_OF_CRC32 = 0x1001
LZO1X = {1: "LZO1X-1", 2: "LZO1X-1(15)", 3: "LZO1X-999"}
"""Method numbers. They differ in how hard the writer looked; every reader reads all three alike."""
_METHOD, _LEVEL = 1, 5
"""What lzop writes when no level is asked for, and every reader knows."""
_REGULAR_FILE = 0o100644
_LONGEST_NAME = 255
"""Bytes: one byte holds the length."""

WRITER = struct.Struct(">HHHBBL")
"""Version, library, oldest reader, method, level, flags."""
CONTENT = struct.Struct(">LLLB")
"""Mode, time (low half, high half), length of the name, which follows."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Flag(IntFlag):
    """What a header says of its file. Bits from 24 up name an operating system, 20 to 23 a character set."""

    ADLER32_TEXT = 0x1
    """Each block has the Adler-32 of its text."""
    ADLER32_PACKED = 0x2
    """Each block that is compressed has the Adler-32 of that, too."""
    EXTRA = 0x40
    """A field of any content comes after the header."""
    CRC32_TEXT = 0x100
    CRC32_PACKED = 0x200
    FILTER = 0x800
    """The text went through a filter before it was compressed."""
    CRC32_HEADER = 0x1000
    """The header's own checksum is a CRC-32, not an Adler-32."""
    UNKNOWN = 0xFC000
    UNIX = 0x3000000


def checksum(flags: int) -> Callable[[Bytes, int], int]:
    """The function for a header's own checksum; start with 1 for Adler-32 and 0 for CRC-32, as `first` says."""
    return zlib.crc32 if flags & Flag.CRC32_HEADER else zlib.adler32


def first(flags: int) -> int:
    """The checksum of nothing."""
    return 0 if flags & Flag.CRC32_HEADER else 1


@dataclass(frozen=True, slots=True)
class Header:
    """Of a file to be written. Raises UsageError for a name or a time that the format has no room for."""

    name: str
    """Of the file when it is not compressed, without folders; at most 255 bytes of UTF-8."""
    modified: datetime
    """Aware; whole seconds are kept."""
    flags: int

    def __post_init__(self) -> None:
        if not 0 < len(self.name.encode()) <= _LONGEST_NAME or "/" in self.name or "\0" in self.name:
            raise UsageError(
                f"{self.name!r} cannot be the name in an lzop file", remedy="use 1 to 255 bytes without a slash"
            )
        if self.modified.tzinfo is None or self.modified < _EPOCH:
            raise UsageError(
                f"{self.name}: {self.modified} cannot be the time in an lzop file",
                remedy="use a time with a zone, from 1970 on",
            )

    def to_bytes(self) -> bytes:
        """With magic and checksum."""
        oldest = _OLDEST_READER_OF_CRC32 if self.flags & Flag.CRC32_HEADER else OLDEST_READER
        name, seconds = self.name.encode(), (self.modified - _EPOCH) // timedelta(seconds=1)
        high, low = divmod(seconds, 1 << 32)
        fields = (
            WRITER.pack(VERSION, _LIBRARY, oldest, _METHOD, _LEVEL, self.flags)
            + CONTENT.pack(_REGULAR_FILE, low, high, len(name))
            + name
        )
        return MAGIC + fields + checksum(self.flags)(fields, first(self.flags)).to_bytes(4)
