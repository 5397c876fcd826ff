"""Gzip bytes in, pieces of text out, by ISA-L, which works without the GIL and checks CRC and length of each member."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from isal import igzip_lib

from forebay.errors import Damaged

PIECE_BYTES = 128 << 10
"""Text in one piece, at most, however far its input expands."""
_FEED_BYTES = 32 << 10
"""Input of one call. Twice as much of both is no faster, and four times as much costs 100 MB of scattered memory."""


class Inflater:
    """Decodes one file, which may be several gzip members end to end. Raises Damaged naming the file."""

    def __init__(self, name: str) -> None:
        self.taken = 0
        """Compressed bytes so far."""
        self._name = name
        self._member: Any = None

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """The text that the next `chunk` brings."""
        self.taken += len(chunk)
        view = memoryview(chunk)
        for start in range(0, len(chunk), _FEED_BYTES):
            left: bytes | memoryview = view[start : start + _FEED_BYTES]
            while left or not self._wants_input:
                piece, left = self._piece(left)
                if piece:
                    yield piece

    def finish(self) -> None:
        """Call it after the last chunk: the last member has to be whole, and there has to be one."""
        if self._member is not None or not self.taken:
            raise Damaged(
                f"{self._name}: the gzip stream ends too early, after {self.taken} bytes",
                remedy="fetch the file again; a file that stays short is the vendor's to repair",
            )

    @property
    def _wants_input(self) -> bool:
        """False while text of what was fed is left behind, because a piece was full."""
        return self._member is None or bool(self._member.needs_input)

    def _piece(self, data: bytes | memoryview) -> tuple[bytes, bytes]:
        """Some text, and the input after the member's end. There its checksum and length have agreed."""
        member = self._member = self._member or igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        try:
            piece: bytes = member.decompress(data, PIECE_BYTES)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub does not say that it is an exception
            raise Damaged(
                f"{self._name}: the gzip stream is damaged within its first {self.taken} bytes ({error})",
                remedy="fetch the file again; damage that stays is the vendor's to repair",
            ) from error
        if member.eof:
            self._member = None
            return piece, member.unused_data
        return piece, b""
