"""Merged rows into a few files, cut between tickers, so that the log's bounds find one file for one ticker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import polars as pl

from forebay.failpoints import reach
from forebay.lake.format.deliveries import Delivery, counted, facts, shared_out
from forebay.lake.format.parquet import RowWriter
from forebay.lake.format.tiles import compacted_writer
from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval
from forebay.model.partition import Source

FILE_ROWS = 1 << 20
"""Rows in a file, about: a reader of one ticker waits for its footer, which grows with them."""


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file in staging."""

    path: Path
    dataset: Dataset
    rows: int
    bytes: int
    days: tuple[date, ...]
    """Session dates that it has rows of."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the files will say of themselves."""

    dataset: Dataset
    source: Source
    deliveries: Sequence[Delivery]
    """Of all files that are merged."""
    new_file: Callable[[], Path]
    done: Callable[[Written], None]
    """Told of each file that is whole."""
    file_rows: int = FILE_ROWS


class Cutter:
    """Files of one span of session dates. Rows come as a merge's pieces."""

    def __init__(self, target: Target, dates: Interval) -> None:
        self._target, self._dates = target, dates
        self._writer: RowWriter | None = None
        self._counts: Counter[tuple[str, date]] = Counter()
        self._days: set[date] = set()
        self._last = ""
        self._rows = self._files = 0

    def write(self, rows: pl.DataFrame) -> None:
        """Append what lies in the span. A file ends before the piece of which less than half belongs into it."""
        rows = rows.filter(pl.col("session_date").is_between(self._dates.start, self._dates.end))
        if not rows.height:
            return
        full = self._rows + rows.height // 2 >= self._target.file_rows * self._files
        if full and rows["ticker"].min() != self._last:
            self.close()
            self._files += 1
        self._append(rows)

    def close(self) -> None:
        """Finish the file under way, if there is one."""
        if self._writer is None:
            return
        self._writer.note(facts(shared_out(self._target.deliveries, self._counts)))
        self._writer.close()
        path, rows = self._writer.path, self._writer.rows
        days = tuple(sorted(self._days))
        self._writer = None
        self._counts.clear()
        self._days.clear()
        self._target.done(Written(path, self._target.dataset, rows, path.stat().st_size, days))
        reach("compact.file")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        elif self._writer is not None:
            self._writer.abandon()
            self._writer.path.unlink(missing_ok=True)

    def _append(self, rows: pl.DataFrame) -> None:
        if self._writer is None:
            self._writer = compacted_writer(self._target.new_file(), self._target.dataset)
        counts = counted(rows, self._target.source)
        self._counts.update(counts)
        self._days.update(day for _, day in counts)
        self._writer.write(rows)
        self._rows += rows.height
        self._last = str(rows["ticker"].max())
