"""Runs jobs when they are due, in one daemon of several."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from structlog import get_logger

from forebay.clock import Clock
from forebay.errors import ForebayError, LedgerUnavailable
from forebay.ledger.schedule import RENEW, ScheduleBook
from forebay.orchestration.schedule.triggers import NextRun

log = get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done again and again. A run stands for all that were missed before it."""

    name: str
    next_run: NextRun
    late: timedelta
    """A run that was missed is made up for within this time, and let go after it."""
    run: Callable[[], None]
    """Raises ForebayError; whatever else it raises is a bug, and no reason to stop the others."""

    def due(self, done_until: datetime, now: datetime) -> datetime | None:
        """Which run is owed at `now`; None if none is."""
        first = self.next_run(max(done_until, now - self.late))
        return first if first <= now else None


Start = Callable[[Callable[[], None]], Future[None]]
"""Runs something, beside the caller or at once."""


def _at_once(run: Callable[[], None]) -> Future[None]:
    ended: Future[None] = Future()
    run()
    ended.set_result(None)
    return ended


@dataclass
class Scheduler:
    """One daemon's part in the schedule. Any number of daemons may share a ledger: one leads, the others wait."""

    book: ScheduleBook
    jobs: Sequence[Job]
    clock: Clock
    daemon: str
    start: Start = _at_once
    _running: dict[str, Future[None]] = field(default_factory=dict)

    def register(self) -> None:
        """Write the jobs and their next runs into the book. Raises LedgerError."""
        now = self.clock.now()
        self.book.register({job.name: job.next_run(now) for job in self.jobs})

    def tick(self) -> datetime:
        """Begin what is due, if this daemon leads; when to look again at the latest. Raises LedgerError.

        A job of which an earlier run is still at it is not begun again: its turn comes when that run has ended.
        """
        now = self.clock.now()
        soon = now + RENEW
        if not self.book.lead(self.daemon):
            return soon
        done_until = self.book.done_until()
        for job in self.jobs:
            due = job.due(done_until[job.name], now) if job.name in done_until else None
            if due is not None and not self._is_running(job):
                self._begin(job, due, now)
        return min([soon, *(job.next_run(now) for job in self.jobs)])

    def _is_running(self, job: Job) -> bool:
        return job.name in self._running and not self._running[job.name].done()

    def _begin(self, job: Job, due: datetime, now: datetime) -> None:
        if self.book.begin(job.name, due, job.next_run(now), self.daemon):
            log.debug("job_started", job=job.name, due=due.isoformat())
            self._running[job.name] = self.start(lambda: self._run(job))

    def _run(self, job: Job) -> None:
        error: str | None = None
        try:
            job.run()
        except ForebayError as failure:
            error = str(failure)
            log.error("job_failed", job=job.name, error=error, next=failure.remedy)  # noqa: TRY400 - no bug: no traceback
        except Exception as failure:  # a bug of ours in one job must not end the daemon
            error = f"{type(failure).__name__}: {failure}"
            log.exception("job_failed", job=job.name, error=error)
        try:
            self.book.end(job.name, error)
        except LedgerUnavailable as failure:
            log.warning("away", reason=str(failure), job=job.name)

    def serve(self, stop: threading.Event) -> None:
        """Tick until `stop`, then let what runs end. A database that is away is waited for. Raises LedgerError."""
        with ThreadPoolExecutor(len(self.jobs), thread_name_prefix="job") as pool:
            self.start = pool.submit
            self._await_register(stop)
            while not stop.is_set():
                stop.wait(max(0.0, (self._look() - self.clock.now()).total_seconds()))
        self.book.resign(self.daemon)

    def _await_register(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.register()
                break
            except LedgerUnavailable as error:
                log.warning("away", reason=str(error), daemon=self.daemon)
                stop.wait(RENEW.total_seconds())

    def _look(self) -> datetime:
        try:
            return self.tick()
        except LedgerUnavailable as error:
            log.warning("away", reason=str(error), daemon=self.daemon)
            return self.clock.now() + RENEW
