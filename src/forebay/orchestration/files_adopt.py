"""Adopting files of tickers that other programs wrote: their rows into the lake, so that only the rest is fetched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from forebay.clock import Clock
from forebay.errors import BadRequest, CheckFailed
from forebay.files.names import TickerFile
from forebay.files.reading import dataset_of
from forebay.lake.writing.table import LakeTables
from forebay.ledger import Ledger
from forebay.model.calendar import session_days
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval, runs
from forebay.model.partition import Partition, Source
from forebay.model.timeframe import DERIVED
from forebay.orchestration.files_judge import Day, bars_in, believable, survey
from forebay.orchestration.files_sample import Compared, compare
from forebay.vendor.rest import RestClient


@dataclass(frozen=True, slots=True)
class Taken:
    """A file, and what of it is in the lake now."""

    file: TickerFile
    sessions: int
    """Sessions taken over."""
    rows: int
    known: int
    """Sessions that the lake had already; what it has stays."""
    left: int
    """Sessions that are not believed to be whole, or on which the vendor says otherwise: the plan asks for them."""
    compared: int
    """Sessions that were compared with the vendor."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was not taken over."""

    file: TickerFile
    reason: str
    remedy: str
    derived: bool = False
    """It is no fault of the file: the lake keeps no bars of that size."""


@dataclass(frozen=True, slots=True)
class FileAdopter:
    """Takes over what nobody has said better: rows of the vendor, whichever way they came, are never replaced.

    Rows count as REST's, since that is where such files came from: a flat file that arrives replaces them, and so does
    a range that is fetched again. Files are only read. A second run finds nothing new.
    """

    tables: LakeTables
    ledger: Ledger
    clock: Clock
    rest: RestClient | None
    sample: int
    """Calls for each file; none without `rest`."""

    def each(self, files: Iterable[TickerFile]) -> Iterator[Taken | Refused]:
        """Take over files one by one; what is wrong with one does not stop the others. Raises as `adopt` does."""
        for file in files:
            if file.timeframe in DERIVED:
                reason = (
                    f"{file.path}: {file.timeframe} bars cannot be taken apart into the minutes that the lake keeps"
                )
                yield Refused(file, reason, f"{file.timeframe} bars are made from 1m bars: adopt those", derived=True)
                continue
            try:
                yield self.adopt(file)
            except (CheckFailed, BadRequest) as error:
                yield Refused(file, str(error), error.remedy)

    def adopt(self, file: TickerFile) -> Taken:
        """Take over one file of day or minute bars. Raises CheckFailed, VendorError, LakeError, StoreError."""
        days = survey(file)
        known = self._known(file, days)
        believed = [day for day in believable(file, days) if day not in known]
        compared = Compared(0, frozenset())
        if self.rest and self.sample and believed:
            compared = compare(file, believed, self.rest, self.sample)
        chosen = [day for day in believed if day not in compared.apart]
        rows = sum(self._commit(file, chosen, known, compared)) if chosen else 0
        left = len({day.day for day in days} - known - set(chosen))
        return Taken(file, len(chosen), rows, len(known & {day.day for day in days}), left, compared.sessions)

    def _known(self, file: TickerFile, days: Sequence[Day]) -> set[date]:
        """The session dates, from the file's first to its last, of which the lake has what the vendor said."""
        if not days:
            return set()
        dataset = dataset_of(file)
        span = Interval(days[0].day, days[-1].day)
        marks = self.ledger.coverage.marks(LAKE, dataset.table, [file.ticker], span)
        held = [mark.dates for each in marks.values() for mark in each]
        return {day for day in session_days(dataset.calendar, span.start, span.end) if any(day in one for one in held)}

    def _commit(
        self, file: TickerFile, days: Sequence[date], known: Collection[date], compared: Compared
    ) -> Iterator[int]:
        """Rows stored, range by range: each is in the lake before the ledger says so."""
        dataset = dataset_of(file)
        sessions = session_days(dataset.calendar, days[0], days[-1])
        blocks = list(_blocks(days, sessions, known))
        for block, rows in _by_block(bars_in(file), blocks):
            staged = self.tables.stage([rows], dataset, str(file.path))
            stored = staged.rows
            self.tables.put_range(staged, file.ticker, Interval(block[0], block[-1]))
            reason = f"adopted from {file.path}; {compared.sessions} sessions of it were compared with the vendor"
            self.ledger.coverage.record(
                Coverage(
                    partition=Partition(dataset.table, file.ticker, run),
                    destination=LAKE,
                    source=Source.REST,
                    verdict=Verdict.COMPLETE,
                    evidence=Evidence(
                        rows=rows.filter(pl.col("session_date").is_between(run.start, run.end)).height,
                        reason=reason,
                        details={"adopted": str(file.path), "compared": compared.sessions},
                    ),
                    checked_at=self.clock.now(),
                )
                for run in runs(block, sessions)
            )
            yield stored


def _blocks(days: Iterable[date], sessions: Sequence[date], known: Collection[date]) -> Iterator[list[date]]:
    """The days in ranges of one year each at most, none of which reaches over a day that the lake has."""
    chosen = set(days)
    block: list[date] = []
    for day in sessions:
        if block and (day in known or day.year != block[0].year):
            yield block
            block = []
        if day in chosen:
            block.append(day)
    if block:
        yield block


def _by_block(
    tables: Iterable[pl.DataFrame], blocks: Sequence[list[date]]
) -> Iterator[tuple[list[date], pl.DataFrame]]:
    """Each block with its rows, from rows by time."""
    held: list[pl.DataFrame] = []
    waiting = list(blocks)
    for table in tables:
        held.append(table)
        while waiting and table.height and table["session_date"][-1] > waiting[0][-1]:
            yield waiting[0], _of(waiting[0], held)
            last = waiting.pop(0)[-1]
            held = [part for each in held if (part := each.filter(pl.col("session_date") > last)).height]
    for block in waiting:
        yield block, _of(block, held)


def _of(block: list[date], tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(tables).filter(pl.col("session_date").is_in(block))
