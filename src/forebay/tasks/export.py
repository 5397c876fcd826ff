"""export: bars of the lake into the file of one ticker and timeframe."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from forebay.files.names import TickerFile
from forebay.files.reading import dataset_of
from forebay.ledger import Ledger
from forebay.model.calendar import session_days
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import FILES, LAKE
from forebay.model.freshness import Mark, common, due, fresh
from forebay.model.intervals import Interval, runs, subtract, union
from forebay.model.partition import ALL_SYMBOLS, Partition
from forebay.model.task import Done, Lease, Outcome, Snooze, Step, TaskDraft, TaskState
from forebay.tasks.before import Before
from forebay.tasks.ticker_files import TickerFiles


@dataclass(frozen=True, slots=True)
class Update:
    """What the lake has of a file's bars, what the file has of them, and when that was looked up."""

    span: Interval
    """The dates of the task, together with those that the file has already: one row of coverage in the end."""
    sessions: Sequence[date]
    """The session dates in it."""
    lake: Collection[Mark]
    held: Collection[Mark]
    now: datetime

    @property
    def todo(self) -> list[Interval]:
        """The dates that are to be written."""
        return common([self.span], due(self.lake, self.held))

    def coverage(self, draft: TaskDraft, rows: int) -> Iterator[Coverage]:
        """What the file has now that `todo` is written; `rows` is all it has."""
        satisfied = [mark.dates for mark in self.lake if mark.verdict.satisfies]
        kept = fresh(self.lake, [mark for mark in self.held if mark.verdict.satisfies])
        good = union([*kept, *common(self.todo, satisfied)])
        doubtful = subtract(self.todo, satisfied)
        reason = "rows of these days in the lake failed a check"
        for verdict, dates, why in ((Verdict.COMPLETE, good, ""), (Verdict.SUSPECT, doubtful, reason)):
            for run in runs([day for day in self.sessions if any(day in part for part in dates)], self.sessions):
                partition = Partition(draft.partition.table, draft.partition.symbol, run)
                evidence = Evidence(rows=rows, reason=why)
                yield Coverage(partition, FILES, draft.source, verdict, evidence, self.now)


def _hull(intervals: Sequence[Interval]) -> Interval:
    return Interval(min(each.start for each in intervals), max(each.end for each in intervals))


@dataclass(frozen=True, slots=True)
class Export:
    """Brings one file up to date with the lake, once no task is about to change what the lake has of it."""

    files: TickerFiles
    ledger: Ledger

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises LakeError, StoreError, CheckFailed, LeaseLost."""
        draft = lease.task.draft
        file = self.files.file(draft.partition.symbol, draft.partition.table.rpartition("_")[2])
        before = Before(self.ledger.tasks, self.files.clock.now())
        if until := before.wait(LAKE, replace(draft.partition, table=dataset_of(file).table)):
            return Snooze(until, "waits for tasks of the lake", kind="waits_for_lake")
        update = self._look(draft, file)  # only now: a task may have ended while it was looked for
        step(TaskState.UPLOADING)
        done = self.files.update(file.ticker, file.timeframe, update.todo)
        return Done(tuple(update.coverage(draft, done.rows)))

    def _look(self, draft: TaskDraft, file: TickerFile) -> Update:
        symbol, dataset = file.ticker, dataset_of(file)
        now, book = self.files.clock.now(), self.ledger.coverage
        held = book.marks(FILES, draft.partition.table, [symbol]).get(symbol, [])
        span = _hull([draft.partition.dates, *(mark.dates for mark in held)])
        lake = book.marks(LAKE, dataset.table, [symbol], span)
        return Update(
            span=span,
            sessions=session_days(dataset.calendar, span.start, span.end),
            lake=[*lake.get(ALL_SYMBOLS, []), *lake.get(symbol, [])],
            held=held if file.path.exists() else [],
            now=now,
        )
