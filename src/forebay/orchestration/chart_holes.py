"""What a chart of one symbol shows as missing: sessions and minutes that are wanted and not held, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.calendar import session
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE
from forebay.model.gap import Gap, GapKind, Outcome
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.task import Task, TaskState
from forebay.orchestration.minutes_scan import GapScan, GapScope

_MINUTE = timedelta(minutes=1)
_UNFINISHED = tuple(state for state in TaskState if not state.over)
_NOT_DONE = tuple(verdict for verdict in Verdict if not verdict.satisfies)
_TASKS = 1_000
NEVER = "nothing of it was ever fetched"


class HoleKind(StrEnum):
    """What is wrong."""

    GAP = "gap"
    """It is not held."""
    PENDING = "pending"
    """It is not published yet; no fault."""
    SUSPECT = "suspect"
    """It is held, and a check failed."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Sessions that follow each other, or minutes of one, of which something is missing for one reason."""

    table: str
    dates: Interval
    days: tuple[date, ...]
    """The sessions."""
    kind: HoleKind
    why: str
    next_try: datetime | None = None
    """When it is asked for again, as far as that is planned (UTC)."""
    first: datetime | None = None
    """Of minutes: the first (UTC), and the one behind the last."""
    after: datetime | None = None
    lacks: int | None = None
    """Minute bars, at least; None where whole sessions lack."""


@dataclass(frozen=True, slots=True)
class Holes:
    """Looks for them. Changes nothing and asks nobody."""

    ledger: Ledger
    scan: GapScan

    def of_days(self, scope: GapScope, held: Collection[date]) -> list[Hole]:
        """Of the day bars of the one symbol of `scope`, of which those of the sessions `held` are there."""
        dataset, (symbol,) = scope.days, scope.symbols
        sessions = tuple(day for day in scope.sessions if day >= dataset.first_date)
        if not sessions:
            return []
        known = self._known(dataset, symbol, scope.dates)
        lacking = self.scan.planner.gaps(scope.wish(dataset, sessions)).get(symbol, ())
        holes = []
        for day in lacking:
            row, task = known.rows.get(day), known.tasks.get(day)
            suspect = row is not None and row.verdict is Verdict.SUSPECT
            if day not in held or suspect:
                holes.append(_hole(dataset, day, row, task, held=day in held))
        return list(_joined(holes, sessions))

    def of_minutes(self, scope: GapScope) -> list[Hole]:
        """Of its minute bars. Raises LakeError, LedgerError."""
        dataset, (symbol,) = scope.minutes, scope.symbols
        known = self._known(dataset, symbol, scope.dates)
        found = []
        for gap in self.scan.run(scope):
            hole = _hole(dataset, gap.day, known.rows.get(gap.day), known.tasks.get(gap.day), held=False)
            found.append(_told(hole, gap))
        return list(_joined(found, scope.sessions))

    def _known(self, dataset: Dataset, symbol: str, dates: Interval) -> _Known:
        both = [ALL_SYMBOLS, symbol]
        found = self.ledger.coverage.find(LAKE, dataset.table, both, dates, verdicts=_NOT_DONE, limit=None)
        rows = sorted(found, key=lambda row: row.partition.symbol == symbol)
        tasks = [
            task
            for each in both
            for task in self.ledger.tasks.find(_unfinished(dataset.table, each, dates), limit=_TASKS)
        ]
        return _Known(
            {day: row for row in rows for day in _days(row.partition.dates, dates)},
            {day: task for task in tasks for day in _days(task.draft.partition.dates, dates)},
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """What is recorded of days that are not done with; of the symbol rather than of the whole market."""

    rows: dict[date, Coverage]
    tasks: dict[date, Task]


def _unfinished(table: str, symbol: str, dates: Interval) -> TaskFilter:
    return TaskFilter(states=_UNFINISHED, table=table, symbol=symbol, destination=LAKE, dates=dates)


def _days(found: Interval, within: Interval) -> Iterator[date]:
    first, last = max(found.start, within.start), min(found.end, within.end)
    return (first + timedelta(days=each) for each in range((last - first).days + 1))


def _hole(dataset: Dataset, day: date, row: Coverage | None, task: Task | None, *, held: bool) -> Hole:
    kind = HoleKind.SUSPECT if held else HoleKind.GAP
    if row and row.verdict is Verdict.PENDING_UPSTREAM:
        kind = HoleKind.PENDING
    why = (task and task.error_message) or (row and (row.evidence.reason or row.verdict.replace("_", " "))) or NEVER
    next_try = task.available_at if task and task.state.claimable else row.expires_at if row else None
    return Hole(dataset.table, Interval(day, day), (day,), kind, why, next_try)


def _told(hole: Hole, gap: Gap) -> Hole:
    """With what the search found out of a session's minutes."""
    why = gap.reason or (gap.evidence if hole.why == NEVER else f"{gap.evidence}; {hole.why}")
    if gap.outcome is Outcome.MISSING_UPSTREAM and not gap.reason:
        why = f"{why}; the vendor has no more"
    if gap.kind is GapKind.DAY:
        return replace(hole, why=hole.why if hole.kind is HoleKind.PENDING else why)
    return replace(hole, why=why, first=gap.first, after=gap.last + _MINUTE, lacks=gap.missing)


def _joined(holes: Iterable[Hole], sessions: Sequence[date]) -> Iterator[Hole]:
    """Whole sessions that follow each other and lack for one reason, as one."""
    place = {day: at for at, day in enumerate(sessions)}
    ordered = sorted(holes, key=lambda hole: (hole.days, hole.first is None))
    for _, run in groupby(enumerate(ordered), lambda each: _alike(each[0], each[1], place)):
        several = [hole for _, hole in run]
        days = tuple(hole.days[0] for hole in several)
        tries = [hole.next_try for hole in several if hole.next_try]
        yield replace(several[0], dates=Interval(days[0], days[-1]), days=days, next_try=min(tries, default=None))


def _alike(at: int, hole: Hole, place: dict[date, int]) -> tuple[object, ...]:
    return hole.kind, hole.why, hole.first, place[hole.days[0]] - at


def bounds(hole: Hole, dataset: Dataset, *, regular: bool) -> tuple[datetime, datetime]:
    """From when to when it is (UTC), in hours of trading."""
    if hole.first and hole.after:
        return hole.first, hole.after
    first, last = (session(dataset.calendar, day) for day in (hole.dates.start, hole.dates.end))
    return (first.regular_opens, last.regular_closes) if regular else (first.opens, last.closes)
