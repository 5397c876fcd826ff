"""One cell of the grid put right: what is doubtful in it is withdrawn, and what lacks then is planned and fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from forebay.clock import Clock
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.calendar import session_days
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import ARCHIVE, LAKE, Feed
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.task import Task, TaskDraft
from forebay.orchestration.grid.stored import Stored
from forebay.orchestration.one_task import finish
from forebay.orchestration.sync import Outlook
from forebay.orchestration.wanted import Wish, newest_session
from forebay.orchestration.worker import Worker

_PATIENCE = timedelta(minutes=1)
"""How long a task that fails, or that another worker is at, is waited for: it stays queued."""
_STORED = (Verdict.COMPLETE, Verdict.SUSPECT)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a cell of the grid is about."""

    table: str
    dates: Interval
    symbol: str | None = None
    """`*` is the whole market; None is everything that is wanted."""


@dataclass(frozen=True, slots=True)
class CellRepair:
    """Queues exactly the tasks of a cell, and works them off."""

    ledger: Ledger
    outlook: Outlook
    look_stored: Callable[[str, str], Stored | None]
    """What a destination has of a table, by a listing of now."""
    clock: Clock
    worker: Worker
    is_stopped: Callable[[], bool] = lambda: False

    def run(self, wishes: Iterable[Wish], scope: Scope) -> Iterator[Task]:
        """Put a cell right; each of its tasks as it ended. `wishes` are those of everybody.

        Cut off at any point, what was withdrawn is a gap, which the next run or sync closes. Raises UsageError when
        no source can have it, VendorError, LedgerError, LakeError, StoreError, and what would stop every task.
        """
        wanted = narrowed(wishes, scope) or _unasked(scope, self.outlook)
        widened = [self._withdraw(wish) for wish in wanted]
        self.outlook.look(widened)
        since = self.clock.now()
        plan = self.outlook.planner.as_of(since).plan(widened)
        self.ledger.coverage.record(plan.findings)
        drafts = sorted(plan.each(), key=lambda draft: draft.destination != ARCHIVE)  # the lake reads it from there
        self.ledger.tasks.add(drafts, again=True, planned_at=since)
        for draft in drafts:
            if self.is_stopped():
                return
            yield self._finish(draft)

    def _finish(self, draft: TaskDraft) -> Task:
        (task,) = self.ledger.tasks.find(TaskFilter(destination=draft.destination, key=draft.key), limit=1)
        return finish(self.ledger, self.clock, task.id, self.worker, _PATIENCE)

    def _withdraw(self, wish: Wish) -> Wish:
        """Take back what is doubtful of a wish; the wish with all of the sessions that this was about."""
        symbols = [*wish.symbols, ALL_SYMBOLS]
        rows = self.ledger.coverage.find(wish.destination, wish.table, symbols, wish.span, verdicts=_STORED, limit=None)
        stored = self.look_stored(wish.destination, wish.table)
        doubtful = [row for row in rows if row.verdict is Verdict.SUSPECT or is_lost(row, stored)]
        self.ledger.coverage.withdraw(doubtful)
        spans = [row.partition.dates for row in doubtful]
        more = {day for span in spans for day in session_days(wish.dataset.calendar, span.start, span.end)}
        return replace(wish, days=tuple(sorted({*wish.days, *more})))


def is_lost(row: Coverage, stored: Stored | None) -> bool:
    """Whether rows are recorded of which the storage has no file."""
    if stored is None or not stored.told or row.verdict is not Verdict.COMPLETE:
        return False
    if row.destination == LAKE and not row.evidence.rows:
        return False
    dates = row.partition.dates
    return not any(dates.start + timedelta(days=number) in stored.days for number in range(dates.days))


def narrowed(wishes: Iterable[Wish], scope: Scope) -> list[Wish]:
    """What is wanted of a cell. Of one symbol nothing more; where the whole market is wanted, it comes whole."""
    found: list[Wish] = []
    for wish in wishes:
        days = tuple(day for day in wish.days if day in scope.dates)
        symbols = _symbols(wish, scope.symbol)
        if wish.table == scope.table and not wish.from_lake and days and symbols:
            found.append(replace(wish, days=days, symbols=symbols))
    return found


def _symbols(wish: Wish, symbol: str | None) -> tuple[str, ...]:
    if symbol is None or wish.whole_market:
        return wish.symbols
    return (symbol,) if symbol in wish.symbols else ()


def _unasked(scope: Scope, outlook: Outlook) -> list[Wish]:
    """A wish for what no feed wants, and is there all the same."""
    dataset, symbols = LAKE_DATASETS[scope.table], (scope.symbol or ALL_SYMBOLS,)
    newest = newest_session(dataset, outlook.planner.now)
    days = session_days(dataset.calendar, scope.dates.start, min(scope.dates.end, newest))
    feed = Feed("repair", (dataset,), None if symbols == (ALL_SYMBOLS,) else symbols, *_ends(days))
    return [Wish(feed, dataset, symbols, tuple(days))] if days else []


def _ends(days: Sequence[date]) -> tuple[date | None, date | None]:
    return (days[0], days[-1]) if days else (None, None)
