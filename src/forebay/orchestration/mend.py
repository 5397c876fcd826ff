"""Sessions of the lake put right: damaged files leave their table, and what they held is loaded again."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from forebay.lake.verification.files import HeldFile
from forebay.lake.verification.verify import TableReader
from forebay.lake.writing.table import LakeTables
from forebay.ledger import Ledger
from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS, Dataset
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE, Feed, SourceChoice
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Revision, Source
from forebay.model.task import TaskDraft
from forebay.orchestration.chunks import fetch_draft, file_draft
from forebay.orchestration.wanted import Wish

_STORED = (Verdict.COMPLETE, Verdict.SUSPECT)


@dataclass(frozen=True, slots=True)
class Mending:
    """Puts sessions right. What a damaged file held beside the days asked for is loaded again as well."""

    ledger: Ledger
    tables: LakeTables

    def set_aside(self, dataset: Dataset, days: Collection[date]) -> set[date]:
        """Take the files with rows of `days` that are not as they should be out of the table; the dates they held.

        Each file is read to its end. It stays on disk, out of the table, until a vacuum. Raises LakeError, StoreError.
        """
        held = TableReader.of(self.tables.home, dataset).files
        suspects = [file for file in held if any(file.holds(day) for day in days)]
        looked = TableReader(dataset, suspects, deep=True).read(sorted(days)).looked if suspects else ()
        damaged = [each.file for each in looked if each.to_be_replaced]
        if damaged:
            self.tables.set_aside(dataset.table, [file.path for file in damaged])
        return {day for file in damaged for day in _sessions(dataset, file, days) if file.holds(day)}

    def drafts(self, dataset: Dataset, days: Iterable[date]) -> list[TaskDraft]:
        """Withdraw what the ledger says of these sessions; the tasks that bring it again, by the way it came."""
        found = {row.partition: row for day in days for row in self._stored(dataset, day)}
        rows = list(found.values())
        self.ledger.coverage.withdraw(rows)
        return [draft for row in rows for draft in _again(dataset, row, self._listed(dataset, row))]

    def _stored(self, dataset: Dataset, day: date) -> list[Coverage]:
        return self.ledger.coverage.find(LAKE, dataset.table, dates=Interval(day, day), verdicts=_STORED, limit=None)

    def _listed(self, dataset: Dataset, row: Coverage) -> Revision | None:
        """The newest revision that the vendor was seen to list of a day's file; what came is asked for otherwise."""
        if row.source is not Source.FLATFILE:
            return None
        day = row.partition.day
        return self.ledger.listings.revisions(dataset.name, day, day).get(day) or row.evidence.revision


def _sessions(dataset: Dataset, file: HeldFile, asked: Collection[date]) -> Collection[date]:
    """Those that a file held; where nothing tells, those that it was looked at for."""
    if file.dates.end == date.max:
        return asked
    return session_days(dataset.calendar, file.dates.start, file.dates.end)


def _again(dataset: Dataset, row: Coverage, revision: Revision | None) -> list[TaskDraft]:
    if revision is not None:
        return [reload_draft(dataset, row.partition.day, revision)]
    if row.source is Source.REST and dataset.table in BAR_DATASETS:
        return [fetch_draft(dataset, row.partition.symbol, row.partition.dates, LAKE)]
    return []


def reload_draft(dataset: Dataset, day: date, revision: Revision) -> TaskDraft:
    """The task that loads a day's file into the lake."""
    feed = Feed("mending", (dataset,), None, day, day, SourceChoice.FLATFILES)
    return file_draft(Wish(feed, dataset, (ALL_SYMBOLS,), (day,)), day, revision)
