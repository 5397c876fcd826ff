"""Copies of what the lake has of one ticker: which dates they lack, and what is known of them in the end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from forebay.ledger import Ledger
from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS, Dataset
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE
from forebay.model.freshness import Mark, common, due, fresh
from forebay.model.intervals import Interval, runs, subtract, union
from forebay.model.partition import ALL_SYMBOLS, Partition
from forebay.model.task import WAITS_FOR_LAKE, Snooze, TaskDraft
from forebay.model.timeframe import base_of
from forebay.tasks.before import Before

DOUBTFUL = "rows of these days in the lake failed a check"


def made_from(draft: TaskDraft) -> tuple[Dataset, str]:
    """Which bars of the lake a copy is made from, and the size of its own: `stocks/bars_5m` is of minute bars."""
    asset_class, _, bars = draft.partition.table.partition("/bars_")
    return BAR_DATASETS[f"{asset_class}/{base_of(bars)}"], bars


@dataclass(frozen=True, slots=True)
class Update:
    """What the lake has of a copy's bars, what the copy has of them, and when that was looked up."""

    span: Interval
    """The dates of the task, together with those that the copy has already."""
    sessions: Sequence[date]
    """The session dates in it."""
    lake: Collection[Mark]
    held: Collection[Mark]
    now: datetime

    @property
    def todo(self) -> list[Interval]:
        """The dates that are to be written."""
        return common([self.span], due(self.lake, self.held))

    @property
    def satisfied(self) -> list[Interval]:
        """The dates that the lake has without a doubt."""
        return union(mark.dates for mark in self.lake if mark.verdict.satisfies)

    def coverage(self, draft: TaskDraft, rows: int, details: Mapping[str, Any] | None = None) -> Iterator[Coverage]:
        """What a copy that is one whole has now that `todo` is written; `rows` is all it has."""
        kept = fresh(self.lake, [mark for mark in self.held if mark.verdict.satisfies])
        good = union([*kept, *common(self.todo, self.satisfied)])
        doubtful = subtract(self.todo, self.satisfied)
        for verdict, dates, why in ((Verdict.COMPLETE, good, ""), (Verdict.SUSPECT, doubtful, DOUBTFUL)):
            for run in runs([day for day in self.sessions if any(day in part for part in dates)], self.sessions):
                partition = Partition(draft.partition.table, draft.partition.symbol, run)
                evidence = Evidence(rows=rows, reason=why, details=dict(details or {}))
                yield Coverage(partition, draft.destination, draft.source, verdict, evidence, self.now)


@dataclass(frozen=True, slots=True)
class Copies:
    """Looks up what a task that writes a copy has to do."""

    ledger: Ledger

    def wait(self, draft: TaskDraft, now: datetime) -> Snooze | None:
        """Until when to leave it, because a task is about to change what the lake has; None when none is."""
        dataset, _ = made_from(draft)
        until = Before(self.ledger.tasks, now).wait(LAKE, replace(draft.partition, table=dataset.table))
        return Snooze(until, "waits for tasks of the lake", kind=WAITS_FOR_LAKE) if until else None

    def look(self, draft: TaskDraft, now: datetime, *, there: bool = True) -> Update:
        """What is to be written; all of it if the copy is not `there`."""
        (dataset, _), symbol, book = made_from(draft), draft.partition.symbol, self.ledger.coverage
        held = book.marks(draft.destination, draft.partition.table, [symbol]).get(symbol, [])
        span = _hull([draft.partition.dates, *(mark.dates for mark in held)])
        lake = book.marks(LAKE, dataset.table, [symbol], span)
        return Update(
            span=span,
            sessions=session_days(dataset.calendar, span.start, span.end),
            lake=[*lake.get(ALL_SYMBOLS, []), *lake.get(symbol, [])],
            held=held if there else [],
            now=now,
        )


def _hull(intervals: Sequence[Interval]) -> Interval:
    return Interval(min(each.start for each in intervals), max(each.end for each in intervals))
