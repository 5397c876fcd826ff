"""Runs of the registry that were ordered here: one after the other, in a thread of the service."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from forebay.app import App
from forebay.app.ingest import open_ingest
from forebay.errors import ForebayError
from forebay.orchestration.ingest.run import Ran
from forebay.orchestration.worker import Worker

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

log = structlog.get_logger(__name__)
_KEPT = 200
"""Runs that are remembered, those that wait among them."""
_ERRORS = 100
"""Errors of symbols told in a run; the registry has all."""


class RunState(StrEnum):
    """How far a run has come."""

    WAITING = "waiting"
    """For the run before it."""
    RUNNING = "running"
    DONE = "done"
    """Every symbol was tried; those that failed say so."""
    FAILED = "failed"
    """Something stopped all of them."""


@dataclass
class Run:
    """One run of the registry. Times are UTC."""

    id: str
    symbol: str | None
    """None: all that are due."""
    ordered_at: datetime
    state: RunState = RunState.WAITING
    started_at: datetime | None = None
    finished_at: datetime | None = None
    completed: int = 0
    failed: int = 0
    records: int = 0
    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)


class Runs:
    """Carries out what is ordered. What became of each symbol is in the registry, whatever becomes of the service."""

    def __init__(self, open_one: Callable[[], AbstractContextManager[App]], now: Callable[[], datetime]) -> None:
        self._open = open_one
        self._now = now
        self._lock = Lock()
        self._known: OrderedDict[str, Run] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="run")
        self._stoppers: list[Callable[[], None]] = []
        self._stopped = False

    def order(self, symbol: str | None = None) -> Run | None:
        """A run of one symbol, or of all that are due; None: too many wait. One that waits already is not doubled."""
        with self._lock:
            waiting = [run for run in self._known.values() if run.state is RunState.WAITING]
            if same := next((run for run in waiting if run.symbol == symbol), None):
                return same
            if self._stopped or len(waiting) >= _KEPT - 1:
                return None
            run = Run(uuid4().hex, symbol, self._now())
            self._remember(run)
            self._thread.submit(self._carry_out, run)
            return run

    def _remember(self, run: Run) -> None:
        self._known[run.id] = run
        over = (each.id for each in self._known.values() if each.state in (RunState.DONE, RunState.FAILED))
        for forgotten in list(over)[: max(0, len(self._known) - _KEPT)]:
            del self._known[forgotten]

    def get(self, run_id: str) -> Run | None:
        """One that was ordered here as it is now, unless it is long over."""
        with self._lock:
            run = self._known.get(run_id)
            return None if run is None else replace(run, errors=dict(run.errors))

    def stop(self) -> None:
        """Begin nothing more, and return when what is under way has been put down."""
        with self._lock:
            self._stopped = True
            stoppers = list(self._stoppers)
        for stop in stoppers:
            stop()
        self._thread.shutdown(cancel_futures=True)

    def _carry_out(self, run: Run) -> None:
        with self._lock:
            run.state, run.started_at = RunState.RUNNING, self._now()
        error = self._ingest(run)
        with self._lock:
            self._stoppers.clear()
            run.error, run.finished_at = error, self._now()
            run.state = RunState.DONE if error is None else RunState.FAILED

    def _ingest(self, run: Run) -> str | None:
        """Run the symbols; what stopped all of them, if anything did."""
        symbols = None if run.symbol is None else [run.symbol]
        try:
            with self._open() as app:
                app.recover()
                ingest = open_ingest(app, self._hear)
                self._add(ingest.stop)
                for ran in ingest.run(symbols, due_only=run.symbol is None):
                    self._note(run, ran)
        except ForebayError as error:
            return f"{error}. Next: {error.remedy}" if error.remedy else str(error)
        except Exception:
            log.exception("run_failed", run=run.id)
            return "this is a fault in Forebay; the service's log says more"
        return None

    def _note(self, run: Run, ran: Ran) -> None:
        with self._lock:
            run.records += ran.records
            run.completed += ran.error is None
            run.failed += ran.error is not None
            if ran.error is not None and len(run.errors) < _ERRORS:
                run.errors[ran.symbol] = ran.error

    def _hear(self, worker: Worker) -> None:
        self._add(worker.stop)

    def _add(self, stop: Callable[[], None]) -> None:
        """Whom `stop` reaches; at once when it was called before."""
        with self._lock:
            self._stoppers.append(stop)
            stopped = self._stopped
        if stopped:
            stop()
