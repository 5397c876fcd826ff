"""The lake's tables for reading: their versions, and of a version the files that a question needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock

import polars as pl

from forebay.errors import NoSuchTable
from forebay.lake.home.home import Home
from forebay.lake.log.entries import exists
from forebay.lake.log.snapshot import LakeFile, Snapshot
from forebay.lake.log.versions import AsOf, Versions
from forebay.lake.reading.looking import Looking
from forebay.lake.reading.selecting import select_rows
from forebay.model.catalogue import LAKE_DATASETS, Dataset
from forebay.model.exchanges import LAST_YEAR
from forebay.model.intervals import Interval
from forebay.model.words import nearest

_CHECK = "check the path (LAKE_URI), or run `forebay sync` to fill it"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of one table, and the files that may hold it."""

    home: Home
    """Of the table."""
    dataset: Dataset
    files: Sequence[LakeFile]
    dates: Interval
    tickers: Sequence[str] | None
    version: int
    """Of the table."""

    def rows(self) -> pl.LazyFrame:
        """The rows, sorted by ticker and time, in the columns of `row_schema`."""
        return select_rows(self.home, self.dataset, self.files, self.dates, self.tickers)

    @property
    def span(self) -> Interval:
        """Those of the dates that may have rows: never open, so that a calendar can be asked."""
        held = [file.name.dates for file in self.files if file.name]
        first, last = self.dataset.first_date, date(LAST_YEAR, 12, 31)
        if len(held) == len(self.files) > 0:
            first, last = min(each.start for each in held), max(each.end for each in held)
        start, end = max(first, self.dates.start), min(last, self.dates.end)
        return Interval(start, max(start, end))


class Tables:
    """Every table of a lake, and what is known of each. Safe in threads."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._lock = Lock()
        self._versions: dict[str, Versions] = {}
        self._looking: dict[str, Looking] = {}

    def held(self) -> list[str]:
        """The tables that there are, in the order of the catalogue."""
        return [table for table in LAKE_DATASETS if table in self._versions or exists(self.home.table(table))]

    def demand(self, *named: str) -> list[str]:
        """The tables that are named, else all that there are. Raises LakeError for one that is not there, or for none.

        A mistyped address is no lake without work to do.
        """
        held = self.held()
        absent = [table for table in named if table not in held]
        if absent or not held:
            raise self.missing(*absent[:1])
        return list(named) or held

    def snapshot(self, table: str, as_of: AsOf | None = None) -> Snapshot:
        """What a table held.

        Raises NoSuchTable when it is not there, LakeError when it is gone, UsageError for a version never made.
        """
        with self._lock:
            versions = self._versions.get(table)
            if versions is None:
                home = self.home.table(table)
                if table not in LAKE_DATASETS or not exists(home):
                    raise self.missing(table)
                versions = self._versions[table] = Versions(home, table)
                self._looking[table] = Looking(home)
        return versions.at(as_of)

    def select(
        self, dataset: Dataset, dates: Interval, tickers: Sequence[str] | None, as_of: AsOf | None = None
    ) -> Selection:
        """The files of a table that may hold rows of `dates` and `tickers` (None: all), as far as they are whole.

        Raises LakeError for a table that is not there and a file that is gone or damaged.
        """
        snapshot = self.snapshot(dataset.table, as_of)
        files = snapshot.files(dates, tickers)
        self._looking[dataset.table].look_at(files)
        return Selection(self.home.table(dataset.table), dataset, files, dates, tickers, snapshot.version)

    def missing(self, table: str = "") -> NoSuchTable:
        """What to say when a table, or the whole lake, is not there."""
        if not self.home.is_there():
            return NoSuchTable(f"there is no lake at {self.home.uri}", remedy=_CHECK)
        held = self.held()
        what = f"no table {table}" if table and held else "no tables yet"
        listed = f"; it has {', '.join(held)}" if held else ""
        return NoSuchTable(f"the lake at {self.home.uri} has {what}{listed}", remedy=self._remedy(table, held))

    def _remedy(self, table: str, held: Sequence[str]) -> str:
        if table in LAKE_DATASETS:
            return f"`forebay sync --datasets {table} --start DATE` fetches it"
        if table and exists(self.home.table(table)):
            return f"that is no table of a dataset: ask for it in SQL, {table.replace('/', '.')}"
        return nearest(table, held) if held and table else _CHECK
