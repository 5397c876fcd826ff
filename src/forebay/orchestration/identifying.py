"""Discoveries as tasks: queued for whoever works, or carried out at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from forebay.clock import Clock
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.calendar import NEW_YORK
from forebay.model.feed import Feed
from forebay.model.task import Task, TaskState
from forebay.model.universe import Category
from forebay.orchestration.one_task import PATIENCE, finish
from forebay.orchestration.worker import Worker
from forebay.symbols.discovery import DESTINATION, Discovery
from forebay.symbols.universes import Refresh, Universes

_FRESH = timedelta(days=1)
"""A list that a feed follows is asked for again when it is older."""


@dataclass(frozen=True, slots=True)
class Identifying:
    """Puts discoveries into the ledger, and runs them."""

    ledger: Ledger
    clock: Clock
    patience: timedelta = PATIENCE
    """How long a discovery that another worker is at is waited for, and one that failed is tried again."""

    def queue(self, wanted: Iterable[Discovery]) -> list[Task]:
        """Their tasks, due now, whatever became of an earlier one with the same parameters."""
        drafts = [discovery.draft for discovery in wanted]
        self.ledger.tasks.add(drafts, again=True, cancelled=True)
        found = [
            self.ledger.tasks.find(TaskFilter(destination=DESTINATION, key=draft.key), limit=1)[0] for draft in drafts
        ]
        return list({task.id: task for task in found}.values())

    def run(self, tasks: Collection[Task], worker: Worker) -> list[Task]:
        """Run these tasks and no other, here or wherever somebody is at them; how they ended.

        One that is paused, that is put off for long or that keeps failing is returned as it is then. Raises what
        would stop every task (a wrong key, a full disk).
        """
        return [finish(self.ledger, self.clock, task.id, worker, self.patience) for task in tasks]

    def refresh(self, feeds: Sequence[Feed], universes: Universes, worker: Worker) -> list[str]:
        """Discover the categories that `feeds` follow, where they are due; notes on those that went wrong.

        Whoever plans goes on with the list as it was, if there is one. Raises what would stop every task.
        """
        ended = self.run(self.queue(stale(feeds, universes.refreshes(), self.clock.now())), worker)
        return [
            f"{task.draft.partition.table} was not refreshed: {task.error_message or task.hold or task.state}"
            for task in ended
            if task.state is not TaskState.COMPLETED
        ]


def stale(feeds: Sequence[Feed], refreshes: Mapping[Category, Refresh], now: datetime) -> list[Discovery]:
    """The discoveries that the categories which `feeds` follow are due for."""
    followed = dict.fromkeys(feed.category for feed in feeds if feed.category)
    today = now.astimezone(NEW_YORK).date()
    return [
        Discovery(category, today)
        for category in followed
        if category not in refreshes or now - refreshes[category].refreshed_at > _FRESH
    ]
