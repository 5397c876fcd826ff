"""Carries out what is ordered over HTTP: one run after the other, in a thread of the service."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import structlog

from forebay.errors import ForebayError
from forebay.ledger.runs import RunBook
from forebay.model.run import Order, Run
from forebay.service.under_way import UnderWay

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from forebay.app import App

log = structlog.get_logger(__name__)
_LOOK_AGAIN = 15.0
"""Seconds between two looks at what other services left."""
_STOPS_WITHIN = 20.0
"""Seconds that a run has to put down what is under way when the service is stopped."""


class Runs:
    """Orders go into the ledger's database; whichever service is free takes the next, also after a restart."""

    def __init__(
        self,
        open_one: Callable[[], AbstractContextManager[App]],
        open_book: Callable[[], RunBook],
        service: str,
        changed: Callable[[], None],
    ) -> None:
        """`open_book` may raise LedgerError; `changed` as in `UnderWay`."""
        self._open = open_one
        self._open_book = open_book
        self._service = service
        self._changed = changed
        self._lock = Lock()
        self._wake = Event()
        self._stopped = False
        self._current: UnderWay | None = None
        self._thread: Thread | None = None
        self.idle = Event()
        """Whether nothing that was ordered here waits or runs."""

    @property
    def book(self) -> RunBook:
        """All runs. Raises LedgerError."""
        return self._open_book()

    def order(self, order: Order) -> Run | None:
        """Have it done; None when too many orders wait. Raises LedgerError."""
        run = self.book.order(order)
        with self._lock:
            self.idle.clear()
            self._wake.set()
        return run

    def start(self) -> None:
        """Carry out what waits, and what is ordered from now on; again after `stop`, too."""
        self._stopped = False
        self._thread = Thread(target=self._loop, name="runs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and return when what is under way has been put down, or will not be for long."""
        with self._lock:
            self._stopped = True
            current = self._current
        if current:
            current.stop()
        self._wake.set()
        if self._thread:
            self._thread.join(_STOPS_WITHIN)
            if current and self._thread.is_alive():
                current.abandon()

    def _loop(self) -> None:
        while not self._stopped:
            self._wake.clear()
            try:
                while self._next():
                    pass
            except ForebayError as error:  # the database is away: the order waits there
                log.warning("runs_wait", error=str(error))
            with self._lock:
                if not self._wake.is_set():
                    self.idle.set()
            self._wake.wait(_LOOK_AGAIN)

    def _next(self) -> bool:
        """Carry out one run; whether there was any."""
        book = self.book
        run = None if self._stopped else book.claim(self._service)
        if run is None:
            return False
        under_way = UnderWay(book, run, self._service, self._changed)
        with self._lock:
            self._current = under_way
            stopped = self._stopped
        if stopped:
            under_way.stop()
        under_way.carry_out(self._open)
        self._current = None
        return True
