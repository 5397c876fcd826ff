"""How large a table is, by its log alone: no file is opened."""

from __future__ import annotations

from dataclasses import dataclass

from forebay.lake.log.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Size:
    """A table at one of its versions."""

    version: int
    files: int
    bytes: int
    rows: int
    """Of the files whose number of rows the log knows: all but other programs'."""


def size_of(held: Snapshot) -> Size:
    """The sums over a version's files."""
    files = held.files()
    return Size(held.version, len(files), sum(file.size for file in files), sum(file.rows or 0 for file in files))
