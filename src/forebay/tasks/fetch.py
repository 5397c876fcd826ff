"""fetch: bars by REST into the lake: one symbol over a range of session dates, or the whole market on one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from forebay.errors import CheckFailed
from forebay.failpoints import reach
from forebay.lake.home.staging import storage_errors
from forebay.lake.intake.intake import Staged
from forebay.lake.writing.table import LakeTables
from forebay.ledger.coverage import CoverageBook
from forebay.model.catalogue import BAR_DATASETS, Kind
from forebay.model.coverage import Coverage, Evidence, Verdict, counted_by_day
from forebay.model.intervals import Interval, subtract
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.task import Done, Lease, Outcome, Step, TaskDraft, TaskState
from forebay.tasks.batches import Batch, by_session
from forebay.tasks.records import Records
from forebay.vendor.rest import RestClient

_SETTLED_AFTER = timedelta(days=7)
"""The vendor corrects recent days: an empty answer about them is asked for again a day later."""
_ASK_AGAIN = timedelta(days=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Reads page after page, checks every bar, and stores and records whole sessions as they come.

    Whatever cuts it off, another attempt goes on after the last session that was recorded. No bars is an answer: known
    empty.
    """

    rest: RestClient
    tables: LakeTables
    records: Records
    coverage: CoverageBook

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises VendorError, StoreError, LakeError, LedgerError, LeaseLost."""
        draft = lease.task.draft
        for batch in self._batches(draft, step):
            part = _over(draft, batch.dates)
            try:
                staged = self.tables.stage(batch.rows, BAR_DATASETS[draft.partition.table], draft.key)
                details = _details(staged)
                reach("fetch.staged")
                step(TaskState.DOWNLOADED, TaskState.UPLOADING)
                with storage_errors(self.tables.disk):
                    self.tables.put_range(staged, draft.partition.symbol, batch.dates)
            except CheckFailed as error:
                return self.records.refuse(part, error, Evidence(rows=0, reason=str(error)))
            reach("fetch.stored")
            known = tuple(self._coverage(part, staged, batch, details))
            if batch.last:
                return Done(known)
            self.coverage.record(known)
            reach("fetch.recorded")
            step(TaskState.DOWNLOADING)
        return Done(())

    def _batches(self, draft: TaskDraft, step: Step) -> Iterator[Batch]:
        """What is still to be stored of the task's range, as it comes from the vendor."""
        partition, dataset = draft.partition, BAR_DATASETS[draft.partition.table]
        left = self._left(draft)
        step(TaskState.DOWNLOADING)
        if left is None:
            return
        if partition.symbol == ALL_SYMBOLS:
            rows = self.rest.grouped_daily(dataset.asset_class, partition.day)
            yield Batch([rows], left, partition.day if rows.height else None)
            return
        timeframe = dataset.kind.removeprefix("bars_")
        yield from by_session(self.rest.bars(partition.symbol, timeframe, left.start, left.end), left)

    def _left(self, draft: TaskDraft) -> Interval | None:
        """Its range without what earlier attempts recorded, which is a beginning of it; None when that is all."""
        partition = draft.partition
        held = self.coverage.covered(draft.destination, partition.table, [partition.symbol], partition.dates)
        left = subtract([partition.dates], held.get(partition.symbol, []))
        return Interval(left[0].start, partition.dates.end) if left else None

    def _coverage(self, draft: TaskDraft, staged: Staged, batch: Batch, details: dict[str, Any]) -> Iterator[Coverage]:
        """One row for the batch; where its young end is empty, another for that, which expires."""
        verdict, reason = self.records.judge(draft, staged)
        evidence = Evidence(rows=staged.rows, reason=reason, details=details)
        now, dates = self.records.clock.now(), batch.dates
        young = (now - _SETTLED_AFTER).date()
        settled = max(batch.newest or young, young)
        if settled >= dates.start:
            known = Interval(dates.start, min(settled, dates.end))
            yield self.records.coverage(_over(draft, known), verdict, evidence)
        if settled < dates.end:
            empty = Interval(max(dates.start, settled + _DAY), dates.end)
            nothing = Evidence(rows=0, reason="no bars yet; asked for again a day later")
            yield self.records.coverage(_over(draft, empty), Verdict.KNOWN_EMPTY, nothing, now + _ASK_AGAIN)


def _details(staged: Staged) -> dict[str, Any]:
    """Counts of the answer; of minute bars those of each session, too, by which a lost one is found."""
    by_day = counted_by_day(staged.by_day) if staged.dataset.kind is Kind.BARS_1M else {}
    return staged.counts | by_day


def _over(draft: TaskDraft, dates: Interval) -> TaskDraft:
    return replace(draft, partition=replace(draft.partition, dates=dates))
