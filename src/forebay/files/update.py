"""Bringing a ticker's file up to date: new rows in, the rest kept, the whole replaced at once or not at all."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from forebay.clock import Clock
from forebay.errors import CheckFailed
from forebay.failpoints import reach
from forebay.files.columns import FILE_ROWS
from forebay.files.compare import adjustment
from forebay.files.lock import sole_writer
from forebay.files.names import TickerFile
from forebay.files.reading import in_order, own_columns
from forebay.files.writing import open_writer
from forebay.stores.disk import make_folder, storage_errors, sync

Span = tuple[datetime, datetime]
"""From an instant to another, the second not included."""


@dataclass(frozen=True, slots=True)
class Piece:
    """All rows (FILE_ROWS, by time) of `spans` (by time, apart), in place of whatever a file has there."""

    spans: Sequence[Span]
    rows: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Updated:
    """What became of a file."""

    rows: int
    """Rows in it now; none means that there is no file, or an empty one."""
    changed: bool
    """False when its bytes were these before: it was not touched."""


def update_file(file: TickerFile, pieces: Iterable[Piece], clock: Clock) -> Updated:
    """Put `pieces` (by time) into a file, which is made if it is not there and there are rows.

    Safe in threads and processes; killed at any moment, it leaves the old file or the new one, and what it left beside
    it goes with the next update. Raises StoreError, StoreFull; CheckFailed for a file that is no file of
    bars, holds adjusted prices, or has columns that would be lost.
    """
    part = file.path.with_name(f".{file.path.name}.part")
    with storage_errors(file.path):
        make_folder(file.path.parent)
        with sole_writer(part, clock):
            rows = _write(file, part, pieces)
            there = file.path.exists()
            if (filecmp.cmp(part, file.path, shallow=False)) if there else not rows:
                part.unlink()
                return Updated(rows, changed=False)
            _replace(file.path, part)
            return Updated(rows, changed=True)


def _write(file: TickerFile, part: Path, pieces: Iterable[Piece]) -> int:
    held = _rows_of(file) if file.path.exists() else iter(())
    with open_writer(part, file.form) as writer:
        for table in _merged(file, held, pieces):
            writer.write(table)
            reach("files.part")
    return writer.rows


def _rows_of(file: TickerFile) -> Iterator[pl.DataFrame]:
    if lost := own_columns(file):
        raise CheckFailed(
            f"{file.path} has columns that an update would lose: {', '.join(lost)}",
            remedy="move the file away: it is then written anew from the lake; or export into another folder",
        )
    return in_order(file)


def _replace(path: Path, part: Path) -> None:
    sync(part)
    reach("files.written")
    part.replace(path)
    reach("files.visible")
    sync(path.parent)


def _merged(file: TickerFile, held: Iterator[pl.DataFrame], pieces: Iterable[Piece]) -> Iterator[pl.DataFrame]:
    old = _Held(held)
    for piece in pieces:
        yield from old.until(piece.spans[0][0])
        inside = pl.concat([pl.DataFrame(schema=FILE_ROWS), *old.until(piece.spans[-1][1])])
        _refuse_adjusted(file, inside, piece.rows)
        time = pl.col("timestamp")
        replaced = pl.any_horizontal((time >= start) & (time < end) for start, end in piece.spans)
        yield pl.concat([inside.filter(~replaced), piece.rows]).sort("timestamp")
    yield from old.rest()


def _refuse_adjusted(file: TickerFile, old: pl.DataFrame, new: pl.DataFrame) -> None:
    if factor := adjustment(old, new):
        raise CheckFailed(
            f"{file.path} holds adjusted prices, {factor:g} times those the vendor published: raw rows beside them "
            "would show jumps that never were",
            remedy="move the file away: it is then written anew from the lake",
        )


class _Held:
    """A file's rows, handed out by time."""

    def __init__(self, tables: Iterator[pl.DataFrame]) -> None:
        self._tables = tables
        self._left = pl.DataFrame(schema=FILE_ROWS)

    def until(self, end: datetime) -> Iterator[pl.DataFrame]:
        """The rows before `end` that were not handed out yet."""
        while True:
            count = self._left["timestamp"].search_sorted(end)
            if count:
                yield self._left[:count]
            self._left = self._left[count:]
            if self._left.height:
                return
            following = next(self._tables, None)
            if following is None:
                return
            self._left = following

    def rest(self) -> Iterator[pl.DataFrame]:
        """All that is left."""
        if self._left.height:
            yield self._left
        yield from self._tables
