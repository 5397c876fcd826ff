"""An object as a file to read here and there, such as the footer of a Parquet file."""

from __future__ import annotations

from io import SEEK_CUR, SEEK_END, SEEK_SET, RawIOBase
from typing import TYPE_CHECKING

from forebay.stores.ranges import PartReader

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

READ_AHEAD = 64 * 2**10
"""Bytes that a small read fetches: a footer is rarely larger."""


class Ranges(RawIOBase):
    """One state of an object; every read is one request. Wrap it in a BufferedReader."""

    def __init__(self, reader: PartReader, size: int) -> None:
        super().__init__()
        self._reader, self._size, self._at = reader, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Go to a byte."""
        self._at = offset + {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, into: Buffer) -> int:
        """Fill `into` as far as there are bytes. Raises what the reader raises."""
        view = memoryview(into)
        data = b"".join(self._reader.read(self._at, min(self._at + len(view), self._size)))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
