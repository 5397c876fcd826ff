"""fetch: bars by REST into the lake: one symbol over a range of session dates, or the whole market on one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from forebay.clock import Clock
from forebay.errors import CheckFailed
from forebay.lake.intake import Refused, Staged
from forebay.lake.quarantine import Quarantine
from forebay.lake.staging import storage_errors
from forebay.lake.table import LakeTables
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.task import Discard, Done, Lease, Outcome, TaskDraft, TaskState
from forebay.vendor.rest import RestClient

_SETTLED_AFTER = timedelta(days=7)
"""The vendor corrects recent days: an empty answer about them is asked for again a day later."""
_ASK_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Reads every page, checks every bar, and commits the range at once. No bars is an answer: known empty."""

    rest: RestClient
    tables: LakeTables
    quarantine: Quarantine
    clock: Clock

    def __call__(self, lease: Lease, step: Callable[[TaskState], None]) -> Outcome:
        """Run one task. Raises VendorError, StoreError, LakeError, LeaseLost."""
        draft = lease.task.draft
        step(TaskState.DOWNLOADING)
        try:
            staged = self.tables.stage(self._pages(draft), BAR_DATASETS[draft.partition.table], draft.key)
        except CheckFailed as error:
            self._keep(draft, str(error), error.rows if isinstance(error, Refused) else None)
            return Discard(error.kind, str(error), (self._coverage(draft, Verdict.SUSPECT, str(error)),))
        step(TaskState.DOWNLOADED)
        step(TaskState.UPLOADING)
        return self._deliver(draft, staged)

    def _pages(self, draft: TaskDraft) -> Iterable[pl.DataFrame]:
        partition = draft.partition
        dataset = BAR_DATASETS[partition.table]
        if partition.symbol == ALL_SYMBOLS:
            return [self.rest.grouped_daily(dataset.asset_class, partition.day)]
        timeframe = dataset.kind.removeprefix("bars_")
        return self.rest.bars(partition.symbol, timeframe, partition.dates.start, partition.dates.end)

    def _deliver(self, draft: TaskDraft, staged: Staged) -> Outcome:
        with storage_errors(self.tables.root):
            self.tables.put_range(staged, draft.partition.symbol, draft.partition.dates)
        if staged.bad.height:
            reason = f"{staged.bad.height} of {staged.tally.rows} rows are in quarantine"
            self._keep(draft, reason, staged.bad)
            return Done((self._coverage(draft, Verdict.SUSPECT, reason, staged),))
        verdict = Verdict.COMPLETE if staged.rows else Verdict.KNOWN_EMPTY
        return Done((self._coverage(draft, verdict, "", staged),))

    def _keep(self, draft: TaskDraft, reason: str, rows: pl.DataFrame | None) -> None:
        self.quarantine.keep(draft.partition, key=draft.key, reason=reason, now=self.clock.now(), rows=rows)

    def _coverage(self, draft: TaskDraft, verdict: Verdict, reason: str, staged: Staged | None = None) -> Coverage:
        now = self.clock.now()
        young = draft.partition.dates.end > (now - _SETTLED_AFTER).date()
        return Coverage(
            draft.partition,
            draft.destination,
            draft.source,
            verdict,
            Evidence(rows=staged.rows if staged else 0, reason=reason, details=dict(staged.counts) if staged else {}),
            now,
            expires_at=now + _ASK_AGAIN if verdict is Verdict.KNOWN_EMPTY and young else None,
        )
