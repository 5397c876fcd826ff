"""The bytes of an object: in memory, or in a file on disk that is read as it is sent. Both can be cut and spoiled."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

_CHUNK = 1024 * 1024
"""Bytes read and sent at once from a file."""
_TURNED = 0x10
"""The bit that a damaged byte has wrong."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """`size` bytes of a file from `first` on."""

    path: Path
    first: int
    size: int
    damaged: int = -1
    """Where in the file one bit is turned; -1 for nowhere."""


Content = bytes | FilePart


def size_of(content: Content) -> int:
    """How many bytes it has."""
    return len(content) if isinstance(content, bytes) else content.size


def part_of(content: Content, first: int, size: int) -> Content:
    """`size` bytes from `first` on; fewer where it ends before."""
    if isinstance(content, bytes):
        return content[first : first + size]
    return replace(content, first=content.first + first, size=max(min(size, content.size - first), 0))


def damaged(content: Content, place: int) -> Content:
    """The same with one bit turned at `place`."""
    if isinstance(content, FilePart):
        return replace(content, damaged=content.first + place)
    return _turned(content, place)


def read(part: FilePart) -> Generator[bytes]:
    """The bytes, in chunks. Ends early when the file has become shorter. Raises OSError when it is gone."""
    place, end = part.first, part.first + part.size
    with part.path.open("rb", buffering=0) as file:
        file.seek(place)
        while place < end and (chunk := file.read(min(_CHUNK, end - place))):
            inside = part.damaged - place
            yield _turned(chunk, inside) if 0 <= inside < len(chunk) else chunk
            place += len(chunk)


def _turned(chunk: bytes, place: int) -> bytes:
    return chunk[:place] + bytes((chunk[place] ^ _TURNED,)) + chunk[place + 1 :]
