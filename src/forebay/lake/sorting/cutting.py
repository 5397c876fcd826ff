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
from forebay.lake.format.tiles import CompactedWriter
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
    """Files of one span of session dates. Rows come by ticker, then time."""

    def __init__(self, target: Target, dates: Interval) -> None:
        self._target, self._dates = target, dates
        self._writer: CompactedWriter | None = None
        self._counts: Counter[tuple[str, date]] = Counter()
        self._days: set[date] = set()
        self._last: str | None = None

    def write(self, rows: pl.DataFrame) -> None:
        """Append what lies in the span."""
        inside = pl.col("session_date").is_between(self._dates.start, self._dates.end)
        rows = rows.filter(inside)
        while rows.height:
            place = self._cut(rows)
            self._append(rows[:place])
            rows = rows[place:]
            if rows.height:
                self.close()

    def close(self) -> None:
        """Finish the file under way, if there is one."""
        if self._writer is None:
            return
        self._writer.note(facts(shared_out(self._target.deliveries, self._counts)))
        self._writer.close()
        path, rows = self._writer.path, self._writer.rows
        days = tuple(sorted(self._days))
        self._writer, self._last = None, None
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

    def _cut(self, rows: pl.DataFrame) -> int:
        """How many rows still belong into the file: up to the first new ticker after it is full."""
        room = max(self._target.file_rows - (self._writer.rows if self._writer else 0), 0)
        if room >= rows.height:
            return rows.height
        ticker = rows["ticker"]
        before = ticker[room - 1] if room else self._last
        if before is None:
            return rows.height
        return room + int(ticker[room:].search_sorted(before, side="right"))

    def _append(self, rows: pl.DataFrame) -> None:
        if not rows.height:
            return
        if self._writer is None:
            self._writer = CompactedWriter(self._target.new_file(), self._target.dataset)
        counts = counted(rows, self._target.source)
        self._counts.update(counts)
        self._days.update(day for _, day in counts)
        self._writer.write(rows)
        self._last = rows["ticker"][-1]
