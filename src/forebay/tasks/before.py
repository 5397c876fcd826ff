"""Tasks that another one should come after, since they change what it reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from forebay.ledger.filter import TaskFilter
from forebay.ledger.tasks import Tasks
from forebay.model.partition import ALL_SYMBOLS, Partition
from forebay.model.task import Task, TaskState

_MOMENT, _WHILE = timedelta(seconds=5), timedelta(minutes=3)
"""When to look again: after tasks that run or are about to; after those that nobody takes."""
_SOON = timedelta(minutes=2)
"""A task that is due later (not published yet, say) is not waited for."""
_FRESH = timedelta(minutes=1)
"""One that has waited for a worker longer than this may have none that can do it."""
_UNFINISHED = [state for state in TaskState if not state.over]
_AFTER = "after:"


@dataclass(frozen=True, slots=True)
class Before:
    """Looks for unfinished tasks of a partition, as of `now` (UTC)."""

    tasks: Tasks
    now: datetime

    def wait(self, destination: str, partition: Partition) -> datetime | None:
        """When to look again, because a task is about to change some of a partition; None when none is."""
        waits = [
            wait
            for symbol in (partition.symbol, ALL_SYMBOLS)
            for task in self.tasks.find(_unfinished(destination, replace(partition, symbol=symbol)))
            if (wait := self._wait(task)) is not None
        ]
        return self.now + min(waits) if waits else None

    def _wait(self, task: Task) -> timedelta | None:
        if task.state.held:
            return _MOMENT
        if task.hold is not None:
            return self._wait_for_first(task, task.hold)
        if task.available_at > self.now + _SOON:
            return None
        since = max(task.history[task.state], task.available_at)
        return _MOMENT if self.now - since < _FRESH else _WHILE

    def _wait_for_first(self, task: Task, hold: str) -> timedelta | None:
        """A task that comes after another one waits as long as that does; a paused one is not waited for."""
        if not hold.startswith(_AFTER):
            return None
        which = TaskFilter(states=_UNFINISHED, destination=hold.removeprefix(_AFTER), key=task.draft.key)
        return next((self._wait(first) for first in self.tasks.find(which, limit=1)), _MOMENT)


def _unfinished(destination: str, partition: Partition) -> TaskFilter:
    return TaskFilter(
        states=_UNFINISHED,
        destination=destination,
        table=partition.table,
        symbol=partition.symbol,
        dates=partition.dates,
    )
