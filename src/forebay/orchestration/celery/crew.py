"""What a process that runs hints needs, opened with its first hint: after the fork, in the process itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from forebay.orchestration.celery.broker import Broker
from forebay.orchestration.celery.hints import Hints
from forebay.orchestration.worker import Worker


@dataclass(frozen=True, slots=True)
class Crew:
    """The parts of one process."""

    worker: Worker
    broker: Broker
    hints: Hints
    rescue: Callable[[], object]
    """Free the tasks of workers that are gone, of this machine's at once."""
    close: Callable[[], None]


class Crews:
    """The crew of this process. No crew outlives a fork: a database's locks and connections are one process's own."""

    def __init__(self, open_crew: Callable[[], Crew]) -> None:
        self._open = open_crew
        self._crew: Crew | None = None
        self._pid = 0
        self._lock = Lock()

    def crew(self) -> Crew:
        """It, opened now if it has not been. Raises what opening raises."""
        with self._lock:
            if self._crew is None or self._pid != os.getpid():
                self._crew, self._pid = self._open(), os.getpid()
            return self._crew

    def close(self) -> None:
        """Close what this process opened."""
        with self._lock:
            if self._crew is not None and self._pid == os.getpid():
                self._crew.close()
            self._crew = None
