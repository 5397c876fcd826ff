"""Runs jobs when they are due, in one daemon of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from structlog import get_logger

from forebay.clock import Clock
from forebay.errors import ForebayError, LedgerUnavailable
from forebay.ledger.schedule import RENEW, ScheduleBook
from forebay.orchestration.schedule.triggers import NextRun

log = get_logger()

_WATCH = timedelta(seconds=5)
"""How often a daemon that does not lead looks what there is to do."""
_NOTICE = 0.2
"""Seconds within which an idle daemon notices that it should stop."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done again and again. A run stands for all that were missed before it."""

    name: str
    next_run: NextRun
    late: timedelta
    """A run that was missed is made up for within this time, and let go after it."""
    run: Callable[[datetime], None]
    """Does it; told when the run began, also by another daemon.

    Raises ForebayError; whatever else it raises is a bug, and no reason to stop the others.
    """
    shared: bool = False
    """Whether daemons that do not lead run it, too, once the leader has begun."""

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
    """One daemon's part in the schedule. Any number of daemons may share a ledger: one leads, the others help."""

    book: ScheduleBook
    jobs: Sequence[Job]
    clock: Clock
    daemon: str
    start: Start = _at_once
    beat: Callable[[], None] = lambda: None
    """Called while the daemon's loop goes round, several times a minute at least."""
    _running: dict[str, Future[None]] = field(default_factory=dict)
    _helped: dict[str, datetime] = field(default_factory=dict)
    """Job to the run of the leader's that was helped last."""
    _led: bool = False
    _stop: bool = False
    """A plain flag: a signal handler that waited for a lock of the thread it interrupted would wait for ever."""

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
        if not self._leads():
            self._help()
            return now + _WATCH
        done_until = self.book.done_until()
        for job in self.jobs:
            due = job.due(done_until[job.name], now) if job.name in done_until else None
            if due is not None and not self._is_running(job):
                self._begin(job, due, now)
        return min([soon, *(job.next_run(now) for job in self.jobs)])

    def _help(self) -> None:
        """Take part in what the leader is at, where that can be shared: once in each of its runs."""
        seen = self.book.look()
        begun = {job.name: job.started_at for job in seen.jobs if not job.finished_at and seen.running}
        for job in self.jobs:
            since = begun.get(job.name)
            if job.shared and since and self._helped.get(job.name) != since and not self._is_running(job):
                self._helped[job.name] = since
                self._running[job.name] = self.start(partial(_help_with, job, since))

    def _leads(self) -> bool:
        """Take or keep the lead; a change is told."""
        leads = self.book.lead(self.daemon)
        if leads != self._led:
            log.info("lead_taken" if leads else "lead_lost", daemon=self.daemon)
        self._led = leads
        return leads

    def _is_running(self, job: Job) -> bool:
        return job.name in self._running and not self._running[job.name].done()

    def _begin(self, job: Job, due: datetime, now: datetime) -> None:
        if self.book.begin(job.name, due, job.next_run(now), self.daemon):
            log.debug("job_started", job=job.name, due=due.isoformat())
            self._running[job.name] = self.start(lambda: self._run(job, now))

    def _run(self, job: Job, began: datetime) -> None:
        error = attempt(job.name, lambda: job.run(began))
        try:
            self.book.end(job.name, error)
        except LedgerUnavailable as failure:
            log.warning("away", reason=str(failure), job=job.name)

    def stop(self) -> None:
        """Begin nothing more; what runs is to be stopped by whoever handed it in. Safe in a signal handler."""
        self._stop = True

    def serve(self, first: Callable[[], None]) -> None:
        """Run `first`, once, and what is due, until `stop`; then wait for what runs, and resign.

        A database that is away is waited for. Raises LedgerError for what is worse.
        """
        with ThreadPoolExecutor(len(self.jobs) + 1, thread_name_prefix="job") as pool:
            self.start = pool.submit
            pool.submit(attempt, "first_run", first)
            registered = False
            while not self._stop:
                try:
                    registered = registered or self._register()
                    self._pause(self.tick())
                except LedgerUnavailable as error:
                    log.warning("away", reason=str(error), daemon=self.daemon)
                    self._pause(self.clock.now() + RENEW)
        with suppress(LedgerUnavailable):  # then the lead runs out by itself
            self.book.resign(self.daemon)

    def _register(self) -> bool:
        self.register()
        return True

    def _pause(self, until: datetime) -> None:
        """Sleep, unless told to stop."""
        while not self._stop and (left := (until - self.clock.now()).total_seconds()) > 0:
            self.beat()
            self.clock.sleep(min(left, _NOTICE))


def _help_with(job: Job, since: datetime) -> None:
    attempt(job.name, lambda: job.run(since))


def attempt(name: str, run: Callable[[], None]) -> str | None:
    """Run something that must not end the daemon; why it failed, if it did. What it raised is in the log."""
    try:
        run()
    except ForebayError as failure:
        log.error("job_failed", job=name, error=str(failure), next=failure.remedy)  # noqa: TRY400 - no bug: no traceback
        return str(failure)
    except Exception as failure:  # a bug of ours in one job is no reason to stop the others
        error = f"{type(failure).__name__}: {failure}"
        log.exception("job_failed", job=name, error=error)
        return error
    return None
