"""export: bars of the lake into the file of one ticker and timeframe."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from forebay.files.reading import dataset_of
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.calendar import session_days
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import FILES, LAKE
from forebay.model.freshness import Mark, common, due, fresh
from forebay.model.intervals import Interval, runs, subtract, union
from forebay.model.partition import ALL_SYMBOLS, Partition
from forebay.model.task import Done, Lease, Outcome, Snooze, Step, TaskDraft, TaskState
from forebay.tasks.ticker_files import TickerFiles

_LOOK_AGAIN = timedelta(seconds=15)
_SOON = timedelta(minutes=2)
"""Tasks of the lake that are due later than this (not published yet, say) are not waited for."""
_UNFINISHED = [state for state in TaskState if not state.over]


@dataclass(frozen=True, slots=True)
class Update:
    """What the lake has of a file's bars, what the file has of them, and when that was looked up."""

    symbol: str
    timeframe: str
    base: str
    """The lake's table that the bars are made from."""
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
        good = union([*fresh(self.lake, self.held), *common(self.todo, satisfied)])
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
        update = self._look(draft)
        if waiting := self._coming(update):
            until = self.files.clock.now() + _LOOK_AGAIN
            return Snooze(until, f"waits for {waiting} more tasks of the lake", kind="waits_for_lake")
        step(TaskState.UPLOADING)
        done = self.files.update(draft.partition.symbol, update.timeframe, update.todo)
        return Done(tuple(update.coverage(draft, done.rows)))

    def _look(self, draft: TaskDraft) -> Update:
        timeframe, symbol = draft.partition.table.rpartition("_")[2], draft.partition.symbol
        file = self.files.file(symbol, timeframe)
        dataset = dataset_of(file)
        now, book = self.files.clock.now(), self.ledger.coverage
        held = book.marks(FILES, draft.partition.table, [symbol]).get(symbol, [])
        span = _hull([draft.partition.dates, *(mark.dates for mark in held)])
        lake = book.marks(LAKE, dataset.table, [symbol], span)
        return Update(
            symbol=symbol,
            timeframe=timeframe,
            base=dataset.table,
            span=span,
            sessions=session_days(dataset.calendar, span.start, span.end),
            lake=[*lake.get(ALL_SYMBOLS, []), *lake.get(symbol, [])],
            held=held if file.path.exists() else [],
            now=now,
        )

    def _coming(self, update: Update) -> int:
        """How many tasks are about to change what the lake has of these dates."""
        found = [
            task
            for symbol in (update.symbol, ALL_SYMBOLS)
            for task in self.ledger.tasks.find(
                TaskFilter(states=_UNFINISHED, destination=LAKE, table=update.base, symbol=symbol, dates=update.span)
            )
        ]
        return sum(1 for task in found if task.hold is None and task.available_at <= update.now + _SOON)
