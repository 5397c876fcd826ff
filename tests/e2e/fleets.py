"""Celery workers of a home, as real processes on a real Redis."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from homes import Home
from redis_server import RedisServer

from forebay.ledger import Ledger
from forebay.model.task import TaskState
from forebay.orchestration.services import Services
from forebay.testing import FakeClock


@dataclass
class Fleet:
    """Started by `forebay workers up`, in a `with`."""

    home: Home
    redis: RedisServer
    settings: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.services.running().values():
            kill(pid)

    @property
    def services(self) -> Services:
        return Services(self.home.folder / "data" / "services")

    def run(self, *args: str):
        """A command line that must end well; what it said."""
        env = {"REDIS_URL": self.redis.url, "POLYGON_RATE_LIMIT": "0", "WORKER_CONCURRENCY": "1", **self.settings}
        done = self.home.run(*args, **env)
        assert 0 == done.returncode, done.stderr + self.logs()
        return done.stdout

    def states(self) -> dict[TaskState, int]:
        """How many tasks are in each state."""
        url = f"sqlite:///{self.home.folder}/data/download_tracker.db"
        with Ledger.open(url, FakeClock()) as ledger:
            return {state: count for state, count in ledger.tasks.counts().items() if count}

    def completed(self) -> int:
        return self.states().get(TaskState.COMPLETED, 0)

    def all_completed(self) -> bool:
        return {TaskState.COMPLETED} == set(self.states())

    def wait(self, reached: Callable[[], bool], seconds: float) -> None:
        """Until `reached`, or fail with what the workers said."""
        until = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < until, f"{self.states()}\n{self.logs()}"
            time.sleep(0.05)

    def logs(self) -> str:
        """The end of every log."""
        files = sorted(self.services.folder.glob("*.log"))
        return "\n".join(f"--- {file.stem}\n{file.read_text()[-3000:]}" for file in files)


def kill(pid: int) -> None:
    """SIGKILL for a worker and its children, as if the machine had lost power."""
    os.killpg(pid, signal.SIGKILL)
