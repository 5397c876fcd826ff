"""The lake from the archive: the same subtraction, with the archive in the vendor's place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from forebay.ledger import Ledger
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Verdict
from forebay.model.feed import ARCHIVE, LAKE, Feed, SourceChoice
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Revision
from forebay.model.task import TaskDraft
from forebay.orchestration.chunks import file_draft
from forebay.orchestration.wanted import Wish


@dataclass(frozen=True, slots=True)
class Offline:
    """What the archive holds and the lake does not."""

    ledger: Ledger

    def drafts(
        self, datasets: Iterable[Dataset], start: date | None, end: date | None, *, again: bool
    ) -> list[TaskDraft]:
        """One task for each archived file that the lake lacks in that revision; for every one with `again`."""
        found: list[TaskDraft] = []
        for dataset in datasets:
            span = Interval(start or dataset.first_date, end or date.max)
            archived, loaded = (self._revisions(place, dataset, span) for place in (ARCHIVE, LAKE))
            wanted = [day for day in sorted(archived) if again or loaded.get(day) != archived[day]]
            found += [file_draft(_wish(dataset, day), day, archived[day]) for day in wanted]
        return found

    def _revisions(self, destination: str, dataset: Dataset, span: Interval) -> dict[date, Revision]:
        return self.ledger.coverage.revisions(destination, dataset.table, span)

    def forget_lost(self, datasets: Iterable[Dataset], tables: Iterable[str]) -> int:
        """Withdraw what the ledger says of tables that the lake no longer has; how many rows."""
        there = set(tables)
        lost = [dataset.table for dataset in datasets if dataset.table not in there]
        rows = [
            row
            for table in lost
            for row in self.ledger.coverage.find(LAKE, table, verdicts=[Verdict.COMPLETE, Verdict.SUSPECT], limit=None)
        ]
        return self.ledger.coverage.withdraw(rows) if rows else 0


def _wish(dataset: Dataset, day: date) -> Wish:
    feed = Feed("the archive", (dataset,), None, day, day, SourceChoice.FLATFILES)
    return Wish(feed, dataset, (ALL_SYMBOLS,), (day,))
