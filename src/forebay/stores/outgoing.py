"""Bytes on their way into a store: counted, and what their source raises is kept as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from forebay.errors import CheckFailed


class Outgoing(Iterator[bytes]):
    """`chunks`, which must be `size` bytes together. For one reader."""

    def __init__(self, chunks: Iterable[bytes], size: int, key: str) -> None:
        self._chunks = iter(chunks)
        self._size = size
        self._key = key
        self._seen = 0
        self._raised: BaseException | None = None

    def __next__(self) -> bytes:
        """The next chunk. Raises CheckFailed when there are too many or too few bytes."""
        try:
            chunk = next(self._chunks, None)
            self._count(chunk)
        except BaseException as error:
            self._raised = error
            raise
        if chunk is None:
            raise StopIteration
        return chunk

    def _count(self, chunk: bytes | None) -> None:
        self._seen += len(chunk or b"")
        if self._seen > self._size or (chunk is None and self._seen < self._size):
            raise CheckFailed(f"{self._key}: {self._seen} bytes came where {self._size} were announced")

    def raise_again(self) -> None:
        """Raise what the source raised, if it did, in place of what became of it on the way."""
        if self._raised is not None:
            raise self._raised
