"""What every kind of task writes down in the end: a verdict with its evidence, and what went to quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from forebay.clock import Clock
from forebay.errors import CheckFailed
from forebay.lake.intake.quarantine import Quarantine
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.task import Discard, Outcome, TaskDraft

if TYPE_CHECKING:  # a transfer into the archive needs no data library
    import polars as pl

    from forebay.lake.intake.intake import Staged


@dataclass(frozen=True, slots=True)
class Records:
    """Where a task's end is written, and when."""

    quarantine: Quarantine
    clock: Clock

    def coverage(
        self, draft: TaskDraft, verdict: Verdict, evidence: Evidence, expires_at: datetime | None = None
    ) -> Coverage:
        """The row that says so of the whole partition."""
        now = self.clock.now()
        return Coverage(draft.partition, draft.destination, draft.source, verdict, evidence, now, expires_at)

    def judge(self, draft: TaskDraft, staged: Staged) -> tuple[Verdict, str]:
        """The verdict on staged rows, and its reason. Bad ones are kept in quarantine; no rows at all are an answer."""
        if staged.bad.height:
            reason = f"{staged.bad.height} of {staged.tally.rows} rows failed a check and are in quarantine"
            self.keep(draft, reason, staged.bad)
            return Verdict.SUSPECT, reason
        return Verdict.COMPLETE if staged.rows else Verdict.KNOWN_EMPTY, ""

    def refuse(self, draft: TaskDraft, error: CheckFailed, evidence: Evidence) -> Outcome:
        """Keep what was refused, and end the task for good: the partition is suspect."""
        from forebay.lake.intake.intake import Refused

        self.keep(draft, str(error), error.rows if isinstance(error, Refused) else None, whole=True)
        return Discard(error.kind, str(error), (self.coverage(draft, Verdict.SUSPECT, evidence),))

    def keep(self, draft: TaskDraft, reason: str, rows: pl.DataFrame | None, *, whole: bool = False) -> None:
        """Put rows, or only the fact of a refusal, into quarantine; `whole`: nothing else was taken either."""
        self.quarantine.keep(
            draft.partition,
            key=draft.key,
            reason=reason,
            now=self.clock.now(),
            rows=rows,
            revision=draft.revision,
            whole=whole,
        )
