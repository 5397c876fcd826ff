"""A worker: claims tasks, runs them in threads, renews their leases, records how they end.

Knows no broker. Any number of workers, in any number of processes, may share a ledger.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from structlog import get_logger

from forebay.clock import Clock
from forebay.errors import (
    CapReached,
    ForebayError,
    LeaseLost,
    LedgerUnavailable,
    NewerVersion,
    StoreError,
    StoreUnavailable,
    TemporaryError,
    UsageError,
    VendorUnavailable,
    WrongKey,
)
from forebay.failpoints import reach
from forebay.ledger import Ledger
from forebay.ledger.claim import RENEW
from forebay.model.task import Discard, Lease, Outcome, Retry, Step, Task, TaskKind, TaskState
from forebay.orchestration.heartbeat import Heartbeat
from forebay.orchestration.leases import HeldLeases
from forebay.orchestration.outcomes import outcome_of
from forebay.orchestration.streaks import Streaks
from forebay.telemetry.tracing import span

_WORTH_WAITING = timedelta(minutes=2)
"""A task that is due later than this (not published yet, say) is left to the next run."""
_GRACE = 5.0
"""Seconds that what runs may take to break off when the worker is aborted."""
_LONGEST_PAUSE = 300.0
"""Seconds between two looks while the vendor, a store or the ledger is away."""
_NOTICE = 0.2
"""Seconds within which an idle worker notices that it should stop."""
_LOOK_AGAIN = 1.0
"""Seconds between two looks at the ledger while running tasks or backoffs are awaited."""

Handler = Callable[[Lease, Step], Outcome]
"""What one kind of task does. Raises ForebayError; whatever else it raises is a bug and is retried as such."""


OnStep = Callable[[Task, TaskState], None]
"""Hears that a task has entered a state."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that was recorded."""

    task: Task
    """As it was claimed."""
    outcome: Outcome
    state: TaskState
    """What the task is now."""


Attempt = Future[Ended | None]
"""An attempt in a thread."""


def stops_all(error: Exception) -> bool:
    """Whether no other task can escape it: a full disk, a wrong key or setting. Nothing is counted for these."""
    passing = isinstance(error, TemporaryError | CapReached)
    return isinstance(error, StoreError | WrongKey | NewerVersion | UsageError) and not passing


log = get_logger()


@dataclass
class Worker:
    """Runs the claimable tasks of a ledger, at most `concurrency` at a time, in this process."""

    ledger: Ledger
    handlers: Mapping[TaskKind, Handler]
    clock: Clock
    worker_id: str
    concurrency: int
    leases: HeldLeases
    delay: float = 0
    """Seconds that a thread pauses after each task (TASK_DELAY)."""
    on_end: Callable[[Lease, Outcome, TaskState], None] = lambda *_: None
    """Called after each attempt, from the worker's own thread."""
    beat: Callable[[], None] = lambda: None
    """Called while the worker's loop goes round, several times a minute at least."""
    _stop: bool = False
    """A plain flag: a signal handler that waited for a lock of the thread it interrupted would wait for ever."""
    _broken: bool = False
    """What would stop every task ends the present run."""
    _streaks: Streaks = field(default_factory=Streaks)
    _rescued: datetime | None = None

    def stop(self) -> None:
        """Take no further task; those that run are finished. Safe to call from a signal handler."""
        self._stop = True

    def abort(self) -> None:
        """Give back what runs, nothing counted, and end. Safe to call from a signal handler."""
        self.leases.given_back = True
        self._stop = True

    @property
    def stopped(self) -> bool:
        """Whether it was told to take no further task."""
        return self._stop

    @property
    def aborted(self) -> bool:
        """Whether it was told to give everything back."""
        return self.leases.given_back

    def serve(self, poll_seconds: float, rng: Random) -> None:
        """Run tasks until `stop`: look at the ledger every `poll_seconds`, half more or less by chance.

        A database, vendor or store that is away is waited for, longer each time up to `_LONGEST_PAUSE`. Raises what
        would stop every task (see `stops_all`).
        """
        pause = poll_seconds
        while not self._stop:
            try:
                self.drain()
                pause = poll_seconds
            except (LedgerUnavailable, VendorUnavailable, StoreUnavailable) as error:
                pause = min(2 * pause, max(_LONGEST_PAUSE, poll_seconds))
                log.warning("away", reason=str(error), worker=self.worker_id, pause=round(pause))
            self._pause(pause * rng.uniform(0.5, 1.5))

    def _pause(self, seconds: float) -> None:
        """Sleep, unless told to stop."""
        end = time.monotonic() + seconds
        while not self._stop and (left := end - time.monotonic()) > 0:
            self.beat()
            time.sleep(min(left, _NOTICE))

    def drain(self) -> None:
        """Run until nothing is claimable, now or after a backoff, and nothing of ours runs. Returns early on `stop`.

        A task that is not due for long (not published yet, say) is not waited for. Raises what would stop every other
        task too (see `stops_all` and `Streaks`), after those that run have ended.
        """
        self.begin_anew()
        pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="task")
        # The heartbeat is left last: while the pool waits for what runs, leases must stay alive.
        with Heartbeat(self.leases.renew, RENEW.total_seconds()):
            try:
                self._work(pool)
            finally:
                pool.shutdown(wait=not self.aborted, cancel_futures=self.aborted)

    def begin_anew(self) -> None:
        """Count failures in a row from here on, and take tasks again after one that would have stopped them all."""
        self._broken = False
        self._streaks.clear()

    def run_task(self, task_id: int, on_step: OnStep = lambda *_: None) -> Ended | None:
        """Run this one task in the calling thread; None when it is left alone, or was lost on the way.

        It is left alone unless it is due and of our kinds, and nobody and nothing holds it. `on_step` hears of each
        state that it enters. May be called from several threads. Raises what would stop every other task too.
        """
        lease = self.ledger.tasks.claim(self.worker_id, kinds=tuple(self.handlers), task_id=task_id)
        if lease is None:
            return None
        self.leases.hold(lease)
        with Heartbeat(self.leases.renew, RENEW.total_seconds()):
            return self._run(lease, on_step)

    def _work(self, pool: ThreadPoolExecutor) -> None:
        running: set[Attempt] = set()
        while not self.aborted:
            self.beat()
            running = {future for future in running if not _finished(future)}
            if not self._stopping:
                running |= self._fill(pool, self.concurrency - len(running))
            if running:
                wait(running, timeout=_LOOK_AGAIN, return_when=FIRST_COMPLETED)
            elif self._stopping or not self._wait_for_backoff():
                return
        self.leases.give_back()
        wait(running, timeout=_GRACE)

    @property
    def _stopping(self) -> bool:
        return self._stop or self._broken

    def _fill(self, pool: ThreadPoolExecutor, free: int) -> set[Attempt]:
        self._rescue()
        started: set[Attempt] = set()
        while len(started) < free and (lease := self.ledger.tasks.claim(self.worker_id, kinds=tuple(self.handlers))):
            self.leases.hold(lease)
            started.add(pool.submit(self._run, lease))
        return started

    def _rescue(self) -> None:
        """Now and then take over from workers that fell silent, wherever they were."""
        now = self.clock.now()
        if self._rescued is None or now - self._rescued >= RENEW:
            self._rescued = now
            self.ledger.tasks.rescue()

    def _wait_for_backoff(self) -> bool:
        """Sleep until a failed task may be tried again; false when none comes soon."""
        next_at = self.ledger.tasks.next_due(tuple(self.handlers))
        if next_at is None or next_at - self.clock.now() > _WORTH_WAITING:
            return False
        self.clock.sleep(min(max((next_at - self.clock.now()).total_seconds(), 0.01), _LOOK_AGAIN))
        return True

    def _run(self, lease: Lease, on_step: OnStep = lambda *_: None) -> Ended | None:
        """One attempt, from claim to recorded outcome, and the pause after it; None when it was lost on the way."""
        try:
            outcome = self._attempt(lease, on_step)
            self.leases.ends(lease)
            state = self.ledger.tasks.finish(lease, outcome)
            reach("task.finished")
        except LeaseLost:
            if self.aborted:  # noticed here before it was given back
                self._release(lease)
            log.warning("lease_lost", task=lease.task.draft.key, worker=self.worker_id)
            return None
        except ForebayError as error:
            if self._ends_run(error, lease):
                self._broken = True
                self._release(lease)
            raise
        finally:
            self.leases.let_go(lease)
        log.debug("task_ended", task=lease.task.draft.key, state=state, outcome=type(outcome).__name__.lower())
        if state is TaskState.COMPLETED:
            self._streaks.clear()
        self.on_end(lease, outcome, state)
        self._rest()
        return Ended(lease.task, outcome, state)

    def _rest(self) -> None:
        """Pause between two tasks, unless told to stop."""
        end = self.clock.now() + timedelta(seconds=self.delay)
        while not self._stopping and (left := (end - self.clock.now()).total_seconds()) > 0:
            self.clock.sleep(min(left, _NOTICE))

    def _release(self, lease: Lease) -> None:
        with suppress(LeaseLost):  # then it is somebody else's already
            self.ledger.tasks.release(lease)

    def _ends_run(self, error: ForebayError, lease: Lease) -> bool:
        in_a_row = self._streaks.ends_run(error, lease)
        return stops_all(error) if in_a_row is None else in_a_row

    def _attempt(self, lease: Lease, on_step: OnStep) -> Outcome:
        """Its outcome, as a span of a trace of its own."""
        task = lease.task
        what = {"id": task.id, "kind": task.draft.kind.value, "key": task.draft.key, "attempt": task.attempt}
        about = {"destination": task.draft.destination, "table": task.draft.partition.table}
        with span("task", {f"forebay.task.{name}": value for name, value in {**what, **about}.items()}) as noted:
            outcome = self._outcome(lease, on_step)
            noted.note({"forebay.task.outcome": type(outcome).__name__.lower()})
            if isinstance(outcome, Retry | Discard):
                noted.fail(outcome.reason)
            return outcome

    def _outcome(self, lease: Lease, on_step: OnStep) -> Outcome:
        def step(*states: TaskState) -> None:
            self.ledger.tasks.advance(lease, *states)
            on_step(lease.task, states[-1])

        try:
            return self.handlers[lease.task.draft.kind](lease, step)
        except LeaseLost:
            raise
        except ForebayError as error:
            log.warning("task_failed", task=lease.task.draft.key, kind=error.kind, reason=str(error))
            if self._ends_run(error, lease):
                raise
            return outcome_of(error)
        except Exception as error:  # a bug of ours in one task must not stop the others
            log.exception("task_crashed", task=lease.task.draft.key)
            return Retry("bug", f"{type(error).__name__}: {error}")


def _finished(future: Attempt) -> bool:
    """Whether it ended; re-raises what it could not record."""
    if not future.done():
        return False
    future.result()
    return True
