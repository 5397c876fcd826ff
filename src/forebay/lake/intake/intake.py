"""Tables of rows in, checked and sorted rows out, in memory or in staging. Nothing here touches the lake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from forebay.ahead import ahead
from forebay.errors import CheckFailed
from forebay.lake.format.options import with_option_columns
from forebay.lake.home.staging import Staging, storage_errors
from forebay.lake.intake.quality import Tally, check_rows, no_bad_rows, split_twins
from forebay.lake.intake.stash import Stash
from forebay.lake.sorting.ordering import by_ticker_range
from forebay.model.catalogue import BARS, Dataset
from forebay.model.defects import defects_of
from forebay.model.instrument import AssetClass
from forebay.model.rows import time_column

FileFacts = Callable[[int, Mapping[str, int]], Mapping[str, str]]
"""What a file's footer says, by its number of rows and the known defects put right in them (name to rows)."""
MOST_BAD_ROWS = 100_000
"""Bad rows from which on a file is judged by their share before its end, too."""
MOST_BAD_BYTES = 64 << 20
"""Bad rows that are held in memory; a file with more is refused, be their share ever so small."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What may enter the lake: good rows only, sorted by (ticker bytes, time).

    Bars have unique keys; of trades, quotes and values every row is kept, equal times in the vendor's order.
    """

    stash: Stash
    dataset: Dataset
    bad: pl.DataFrame
    """What was split off, in the columns of `bad_schema`."""
    tally: Tally
    repaired: dict[str, int] = field(default_factory=dict)
    """Known defects put right: name to rows."""

    @property
    def rows(self) -> int:
        """How many good rows there are."""
        return self.stash.rows

    @property
    def path(self) -> Path:
        """The file with the rows, in staging; few rows are written when it is asked for."""
        return self.stash.file

    @property
    def by_day(self) -> dict[date, int]:
        """Good rows by session date."""
        return dict(self.stash.scan().group_by("session_date").len().collect(engine="streaming").iter_rows())

    @property
    def counts(self) -> dict[str, int]:
        """For evidence: rows seen, stored, repeated, bad by check, repaired by defect."""
        found = {"rows_seen": self.tally.rows, "rows": self.rows, "repeated": self.tally.repeated}
        bad = {f"bad_{check}": count for check, count in self.tally.bad.items()}
        return found | bad | {f"repaired_{name}": count for name, count in self.repaired.items()}


class Refused(CheckFailed):
    """Too much of a file is bad. `rows` holds the bad ones, for quarantine."""

    def __init__(self, message: str, *, remedy: str, rows: pl.DataFrame) -> None:
        super().__init__(message, remedy=remedy)
        self.rows = rows


def stage(
    tables: Iterable[pl.DataFrame], dataset: Dataset, staging: Staging, name: str, facts: FileFacts | None = None
) -> Staged:
    """Check `tables` (columns of `plain_schema`, or `bad_schema` for rows known to be bad) and keep the good ones.

    `name` is what errors call the input, `facts` what the file's footer is to say. Raises Refused when too many rows
    are bad, StoreError when the disk is full.
    """
    intake = _Intake(dataset, name)
    told = None if facts is None else lambda rows: facts(rows, intake.repaired)
    good = Stash(staging, dataset, told)
    try:
        with storage_errors(staging.folder):
            for rows in ahead(intake.good_rows(tables), "check"):
                good.write(rows)
            good.close()
            if not intake.in_order:
                good = intake.settle(good, Stash(staging, dataset, told))
        intake.judge()
    except BaseException:
        good.discard()
        raise
    return Staged(good, dataset, intake.bad_rows(), intake.tally, intake.repaired)


class _Intake:
    """What is known of one input while it streams by."""

    def __init__(self, dataset: Dataset, name: str) -> None:
        self.tally = Tally()
        self.repaired: dict[str, int] = {}
        self.in_order = True
        """Sorted so far, and no bar's key twice."""
        self._dataset = dataset
        self._time = time_column(dataset)
        self._name = name
        self._bad: list[pl.DataFrame] = []
        self._bad_bytes = 0
        self._defects = defects_of(dataset)
        self._last: tuple[str, Any] | None = None
        """The key of the last good row."""

    def good_rows(self, tables: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The good rows of each table, in the stored columns; the bad ones are set aside."""
        for table in tables:
            self.tally.rows += table.height
            if "reason" in table.columns:
                self._set_aside(table, "unreadable")
                continue
            checked = check_rows(self._repair(table), self._dataset)
            if checked.bad.height:
                self._set_aside(checked.bad)
            if checked.good.height:
                yield self._completed(self._arranged(checked.good) if self.in_order else checked.good)

    def settle(self, arrived: Stash, ordered: Stash) -> Stash:
        """Sort rows that came out of order, a range of tickers at a time, and make bars' keys unique."""
        with ordered:
            for rows in by_ticker_range(arrived.scan(), self._time):
                ordered.write(self._without_twins(rows) if self._dataset.kind in BARS else rows)
        arrived.discard()
        return ordered

    def _without_twins(self, rows: pl.DataFrame) -> pl.DataFrame:
        kept, bad, copies = split_twins(rows, self._dataset)
        self.tally.repeated += copies
        if bad.height:
            self._set_aside(bad)
        return kept

    def judge(self) -> None:
        """Raise Refused when too much is bad."""
        try:
            self.tally.refuse_if_rotten(self._name)
        except CheckFailed as error:
            raise Refused(str(error), remedy=error.remedy, rows=self.bad_rows()) from error

    def bad_rows(self) -> pl.DataFrame:
        """Everything split off so far."""
        return pl.concat(self._bad) if self._bad else no_bad_rows(self._dataset)

    def _repair(self, table: pl.DataFrame) -> pl.DataFrame:
        for defect in self._defects:
            table, count = defect.patch(table)
            if count:
                self.repaired[defect.name] = self.repaired.get(defect.name, 0) + count
        return table

    def _set_aside(self, bad: pl.DataFrame, check: str | None = None) -> None:
        if check is None:
            self.tally.bad.update(dict(bad["reason"].value_counts().iter_rows()))
        else:
            self.tally.bad[check] += bad.height
        self._bad.append(bad)
        self._bad_bytes += int(bad.estimated_size())
        if self.tally.bad.total() > MOST_BAD_ROWS:
            self.judge()
        if self._bad_bytes > MOST_BAD_BYTES:
            raise Refused(
                f"{self._name}: {self.tally.bad.total()} of the first {self.tally.rows} rows are bad, too many to keep",
                remedy="nothing of it was stored; those rows are in quarantine with a reason each",
                rows=self.bad_rows(),
            )

    def _arranged(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows, sorted if they are ticks and some came late: cheaper now than a sort of the whole file after."""
        strictly = self._dataset.kind in BARS
        rises = _rises(rows, self._time, strictly=strictly)
        if not rises and not strictly:
            rows, rises = rows.sort("ticker", self._time, maintain_order=True), True
        self.in_order = rises and self._follows(rows, strictly=strictly)
        return rows

    def _follows(self, rows: pl.DataFrame, *, strictly: bool) -> bool:
        """Whether they follow the last row before them; bars must not have its key again.

        Python orders strings by code point and Polars by UTF-8 bytes, which is the same order.
        """
        ticker, time = rows.get_column("ticker"), rows.get_column(self._time)
        first, before, self._last = (ticker[0], time[0]), self._last, (ticker[-1], time[-1])
        return before is None or before < first or (before == first and not strictly)

    def _completed(self, rows: pl.DataFrame) -> pl.DataFrame:
        return with_option_columns(rows) if self._dataset.asset_class is AssetClass.OPTIONS else rows


def _rises(rows: pl.DataFrame, time_name: str, *, strictly: bool) -> bool:
    ticker, time = rows.get_column("ticker"), rows.get_column(time_name)
    before, after = slice(None, -1), slice(1, None)
    head = ticker[after] != ticker[before]
    later = time[after] > time[before] if strictly else time[after] >= time[before]
    return bool((head | later).all() and (ticker[after].filter(head) > ticker[before].filter(head)).all())
