"""One run while it is carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

import structlog

from forebay.app.gaps import kept_symbols, repair_gaps, scopes
from forebay.app.grid import repair_cell
from forebay.app.ingest import open_ingest
from forebay.app.quality import replaying
from forebay.errors import ForebayError, LedgerError, UsageError
from forebay.ledger.runs import RunBook
from forebay.model.gap import Outcome
from forebay.model.intervals import Interval
from forebay.model.run import Order, Progress, Run, RunKind, RunState
from forebay.model.task import TaskState
from forebay.orchestration.grid.repair import Scope
from forebay.orchestration.heartbeat import Heartbeat
from forebay.orchestration.worker import Worker

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from forebay.app import App

log = structlog.get_logger(__name__)
_NOTED = 5.0
"""Seconds between two notes of how far it has come."""
_ERRORS = 100
"""Told in a run; the registry has those of all symbols, `forebay gaps scan` all gaps."""
_STOPPED = "the service was stopped; what it did is kept: order it again for the rest"


class UnderWay:
    """Does what a run is to do, and keeps the book of it. `stop` comes from another thread."""

    def __init__(self, book: RunBook, run: Run, service: str, changed: Callable[[], None]) -> None:
        """`changed` is called whenever the registry or the lake may have become another."""
        self._book = book
        self._run = run
        self._service = service
        self._changed = changed
        self._progress = Progress()
        self._lock = Lock()
        self._stoppers: list[Callable[[], None]] = []
        self._stopped = False

    def carry_out(self, open_one: Callable[[], AbstractContextManager[App]]) -> None:
        """Do it, and write down how it ended. Raises LedgerError when that cannot be written."""
        with Heartbeat(self._note, _NOTED):
            error = self._error(open_one)
        state = RunState.DONE if error is None else RunState.FAILED
        if self._stopped and error is None:
            state, error = RunState.STOPPED, _STOPPED
        self._book.finish(self._run, self._service, state, self._progress, error)

    def stop(self) -> None:
        """Begin nothing more; what runs is put down."""
        with self._lock:
            self._stopped = True
            stoppers = list(self._stoppers)
        for stop in stoppers:
            stop()

    def abandon(self) -> None:
        """Write down that it was stopped, without waiting for what it is at. Its leases end by themselves."""
        try:
            self._book.finish(self._run, self._service, RunState.STOPPED, self._progress, _STOPPED)
        except LedgerError as error:  # whoever looks at it will see that nobody holds it
            log.warning("run_not_noted", run=self._run.id, error=str(error))

    def _error(self, open_one: Callable[[], AbstractContextManager[App]]) -> str | None:
        """What stopped all of it, if anything did."""
        ways = {
            RunKind.INGEST: self._ingest,
            RunKind.REPAIR: self._repair,
            RunKind.FILL: self._fill,
            RunKind.REPLAY: self._replay,
        }
        do = ways[self._run.order.kind]
        try:
            with open_one() as app:
                app.recover()
                do(app)
        except ForebayError as error:
            return f"{error}. Next: {error.remedy}" if error.remedy else str(error)
        except Exception:
            log.exception("run_failed", run=self._run.id)
            return "this is a fault in Forebay; the service's log says more"
        finally:
            self._changed()
        return None

    def _ingest(self, app: App) -> None:
        ingest = open_ingest(app, self._hear)
        self._add(ingest.stop)
        symbols = self._run.order.symbols
        for ran in ingest.run(symbols, due_only=symbols is None):
            self._count(ran.symbol, ran.records, ran.error)
            self._changed()

    def _repair(self, app: App) -> None:
        order = self._run.order
        symbols = order.symbols or kept_symbols(app)
        budget = app.settings.gaps.budget if order.budget is None else order.budget
        for gap in repair_gaps(app, scopes(app, symbols, order.start, order.end), budget, again=order.again):
            closed = gap.outcome is Outcome.CLOSED
            why = None if closed else gap.reason or f"{gap.outcome}: {gap.evidence}"
            self._count(f"{gap.symbol} {gap.day}", gap.missing if closed else 0, why)

    def _fill(self, app: App) -> None:
        for task in repair_cell(app, _scope(self._run.order), self._hear, lambda: self._stopped):
            why = None if task.state is TaskState.COMPLETED else task.error_message or f"it is {task.state}"
            self._count(f"{task.draft.partition} in {task.draft.destination}", 0, why)
            self._changed()

    def _replay(self, app: App) -> None:
        note = app.quarantine.find(self._run.order.note or "")
        if note is None:
            raise UsageError("it is not in quarantine any more", remedy="look at `forebay quarantine list`")
        if note.ended is None:
            came = replaying(app, [note]).replay(note)
            self._count(note.id, came.taken, None if came.done else came.said)

    def _count(self, name: str, records: int, error: str | None) -> None:
        came = self._progress
        told = {**came.errors, name: error} if error and len(came.errors) < _ERRORS else came.errors
        self._progress = replace(
            came,
            completed=came.completed + (error is None),
            failed=came.failed + (error is not None),
            records=came.records + records,
            errors=told,
        )

    def _note(self) -> None:
        try:
            self._book.note(self._run, self._service, self._progress)
        except LedgerError as error:  # it may be back for the next one
            log.warning("run_not_noted", run=self._run.id, error=str(error))

    def _hear(self, worker: Worker) -> None:
        self._add(worker.stop)

    def _add(self, stop: Callable[[], None]) -> None:
        """Whom `stop` reaches; at once when it was called before."""
        with self._lock:
            self._stoppers.append(stop)
            stopped = self._stopped
        if stopped:
            stop()


def _scope(order: Order) -> Scope:
    """The cell that a fill is about. Raises UsageError where the order does not say."""
    if order.table is None or order.start is None or order.end is None:
        raise UsageError("the order names no cell", remedy="order it with a table, a start and an end")
    return Scope(order.table, Interval(order.start, order.end), order.symbols[0] if order.symbols else None)
