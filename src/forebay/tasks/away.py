"""Destinations that give no answer: left alone for a while, so that a run ends and other tasks get their turn."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from forebay.clock import Clock
from forebay.errors import SinkUnavailable, StoreUnavailable
from forebay.model.task import Snooze

_IN_A_ROW = 6
"""Tasks without an answer, after which the next ones are not tried: each may take minutes to find out the same."""
_PAUSE = timedelta(minutes=5)


class Away:
    """What was heard of each destination. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._silent: defaultdict[str, set[int]] = defaultdict(set)
        self._snoozes: dict[str, Snooze] = {}

    def wait(self, destination: str) -> Snooze | None:
        """Until when to leave it alone, and why; None where it is to be asked."""
        snooze = self._snoozes.get(destination)
        return snooze if snooze and self._clock.now() < snooze.until else None

    def silent(self, destination: str, task_id: int, error: StoreUnavailable | SinkUnavailable) -> None:
        """A task got no answer."""
        tasks = self._silent[destination]
        tasks.add(task_id)
        if len(tasks) >= _IN_A_ROW:
            self._snoozes[destination] = Snooze(self._clock.now() + _PAUSE, str(error), error.kind)

    def answered(self, destination: str) -> None:
        """A task came to its end."""
        self._silent.pop(destination, None)
        self._snoozes.pop(destination, None)
