"""One table of the lake, read for verification: the faults of its files, and what its sessions come to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from forebay.errors import LakeError
from forebay.lake.home.home import Home, scan
from forebay.lake.verification.files import UNREADABLE, Fault, HeldFile, Looked, blocks_of, held_files, look_into
from forebay.lake.verification.scores import Check
from forebay.lake.verification.totals import Totals
from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source


@dataclass(frozen=True, slots=True)
class Sessions:
    """Some session dates of a table, as its files have them."""

    totals: pl.DataFrame
    """As `Totals.table` gives them; without columns when there is no row."""
    looked: tuple[Looked, ...]
    """The files that may have rows of them."""

    def of(self, day: date) -> pl.DataFrame:
        """The totals of one session."""
        return self.totals.filter(pl.col("session_date") == day) if self.totals.width else self.totals

    def faults(self, day: date) -> Iterator[Fault]:
        """What is wrong with files that hold the session."""
        for looked in self.looked:
            if looked.file.holds(day):
                yield from (fault for fault in looked.faults if day in (fault.days or (day,)))

    def is_damaged(self, day: date) -> bool:
        """Whether rows of the session cannot be had: then what is left of it is compared with nothing."""
        return any(fault.check is Check.DAMAGED for fault in self.faults(day))


@dataclass
class TableReader:
    """Reads the files of one table's newest version, a few session dates at a time. Each file is judged once."""

    dataset: Dataset
    files: Sequence[HeldFile]
    deep: bool = False
    tickers: Collection[str] | None = None
    _judged: dict[str, Looked] = field(default_factory=dict)

    @classmethod
    def of(
        cls, lake: Home, dataset: Dataset, *, deep: bool = False, tickers: Collection[str] | None = None
    ) -> TableReader:
        """The table as it is now. Raises LakeError, NewerVersion."""
        return cls(dataset, held_files(lake, dataset.table), deep, tickers)

    @property
    def span(self) -> Interval | None:
        """The first and last session date that it may have rows of; None when it has no file."""
        dated = [file.dates for file in self.files if file.dates.end < date.max]
        return Interval(min(each.start for each in dated), max(each.end for each in dated)) if dated else None

    def read(self, days: Sequence[date]) -> Sessions:
        """Read the files with rows of `days` (sorted). Memory: one block of rows, and a row for each ticker and day."""
        totals = Totals(self.dataset, days, self.tickers)
        looked = tuple(self._look(file, totals) for file in self._touching(days))
        return Sessions(totals.table(), looked)

    def rows(self, day: date, tickers: Sequence[str], columns: Sequence[str]) -> pl.DataFrame:
        """Some columns of the rows of a few tickers in one session, sorted by ticker; files are pruned by the log.

        Raises LakeError when one of them is damaged.
        """
        low, high = min(tickers), max(tickers)
        paths = [
            file.path
            for file in self._touching([day])
            if file.tickers is None or (file.tickers[0] <= high and low <= file.tickers[1])
        ]
        if not paths:
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String()))
        wanted = (pl.col("session_date") == day) & pl.col("ticker").is_in(sorted(tickers))
        found = scan(self.files[0].home, paths).filter(wanted).select(columns)
        try:
            return found.collect().sort("ticker", maintain_order=True)
        except UNREADABLE as error:
            raise _damaged(f"{self.dataset.table} on {day}", error) from error

    def blocks(self, dates: Interval, symbol: str, source: Source) -> Iterator[pl.DataFrame]:
        """The rows of `symbol` (`*`: of all) from one source on these session dates, a block at a time.

        Columns of `plain_schema`. Raises LakeError when a file is damaged.
        """
        wanted = pl.col("session_date").is_between(dates.start, dates.end) & (pl.col("source") == source.value)
        if symbol != ALL_SYMBOLS:
            wanted &= pl.col("ticker") == symbol
        for file in self._touching([dates.start, dates.end]):
            try:
                yield from (rows.filter(wanted) for rows in blocks_of(file, self.dataset, deep=True))
            except UNREADABLE as error:
                raise _damaged(file.path, error) from error

    def _touching(self, days: Sequence[date]) -> list[HeldFile]:
        first, last = days[0], days[-1]
        return [file for file in self.files if file.dates.start <= last and first <= file.dates.end]

    def _look(self, file: HeldFile, totals: Totals) -> Looked:
        before = self._judged.get(file.path)
        if before and before.damaged:
            return before
        looked = look_into(file, self.dataset, totals.take, deep=self.deep and before is None)
        return self._judged.setdefault(file.path, looked)


def _damaged(what: str, error: Exception) -> LakeError:
    return LakeError(f"{what} cannot be read: {error}", remedy="run `forebay lake verify --mend` first")
