"""fetch: bars by REST into the lake: one symbol over a range of session dates, or the whole market on one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from forebay.errors import CheckFailed
from forebay.lake.intake import Staged
from forebay.lake.staging import storage_errors
from forebay.lake.table import LakeTables
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.task import Done, Lease, Outcome, Step, TaskDraft, TaskState
from forebay.tasks.records import Records
from forebay.vendor.rest import RestClient

_SETTLED_AFTER = timedelta(days=7)
"""The vendor corrects recent days: an empty answer about them is asked for again a day later."""
_ASK_AGAIN = timedelta(days=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Reads every page, checks every bar, and commits the range at once. No bars is an answer: known empty."""

    rest: RestClient
    tables: LakeTables
    records: Records

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises VendorError, StoreError, LakeError, LeaseLost."""
        draft = lease.task.draft
        step(TaskState.DOWNLOADING)
        try:
            staged = self.tables.stage(self._pages(draft), BAR_DATASETS[draft.partition.table], draft.key)
            last = pl.scan_parquet(staged.path).select(pl.col("session_date").max()).collect().item()
            step(TaskState.DOWNLOADED)
            step(TaskState.UPLOADING)
            with storage_errors(self.tables.root):
                self.tables.put_range(staged, draft.partition.symbol, draft.partition.dates)
        except CheckFailed as error:
            return self.records.refuse(draft, error, Evidence(rows=0, reason=str(error)))
        return Done(tuple(self._coverage(draft, staged, last)))

    def _pages(self, draft: TaskDraft) -> Iterable[pl.DataFrame]:
        partition = draft.partition
        dataset = BAR_DATASETS[partition.table]
        if partition.symbol == ALL_SYMBOLS:
            return [self.rest.grouped_daily(dataset.asset_class, partition.day)]
        timeframe = dataset.kind.removeprefix("bars_")
        return self.rest.bars(partition.symbol, timeframe, partition.dates.start, partition.dates.end)

    def _coverage(self, draft: TaskDraft, staged: Staged, last: date | None) -> Iterator[Coverage]:
        """One row for the range; where its young end is empty, another for that, which expires."""
        verdict, reason = self.records.judge(draft, staged)
        evidence = Evidence(rows=staged.rows, reason=reason, details=dict(staged.counts))
        now, dates = self.records.clock.now(), draft.partition.dates
        settled = max(last or date.min, (now - _SETTLED_AFTER).date())
        if settled >= dates.start:
            known = Interval(dates.start, min(settled, dates.end))
            yield self.records.coverage(_over(draft, known), verdict, evidence)
        if settled < dates.end:
            empty = Interval(max(dates.start, settled + _DAY), dates.end)
            nothing = Evidence(rows=0, reason="no bars yet; asked for again a day later")
            yield self.records.coverage(_over(draft, empty), Verdict.KNOWN_EMPTY, nothing, now + _ASK_AGAIN)


def _over(draft: TaskDraft, dates: Interval) -> TaskDraft:
    return replace(draft, partition=replace(draft.partition, dates=dates))
