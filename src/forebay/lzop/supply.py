"""Chunks of any length in, as many bytes as asked for out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from forebay.errors import Damaged


class Supply:
    """A file that is read once, from its start. What `chunks` raises comes through."""

    def __init__(self, chunks: Iterable[bytes], name: str) -> None:
        self.name = name
        self.taken = 0
        """Bytes given out so far."""
        self._chunks = iter(chunks)
        self._view = memoryview(b"")

    @property
    def ended(self) -> bool:
        """Whether no byte is left; may wait for the next chunk."""
        while not self._view:
            chunk = next(self._chunks, None)
            if chunk is None:
                return True
            self._view = memoryview(chunk)
        return False

    def take(self, count: int, what: str) -> memoryview:
        """The next `count` bytes. Raises Damaged when the file ends within or before `what`, as the error names it."""
        if count <= len(self._view):
            piece, self._view = self._view[:count], self._view[count:]
            self.taken += count
            return piece
        return memoryview(b"".join(self.pieces(count, what)))

    def number(self, what: str) -> int:
        """The next four bytes, big-endian. Raises Damaged."""
        return int.from_bytes(self.take(4, what))

    def pieces(self, count: int, what: str) -> Iterator[memoryview]:
        """The same as they come, for more than memory should hold."""
        left = count
        while left:
            if self.ended:
                raise Damaged(
                    f"{self.name}: ends too early, after {self.taken} bytes, in {what}",
                    remedy="fetch or make the file again",
                )
            piece = self._view[:left]
            self._view = self._view[len(piece) :]
            self.taken += len(piece)
            left -= len(piece)
            yield piece
