"""What an endpoint works with: the application behind it, for as long as the service runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from forebay.app import App
from forebay.app.grid import open_grids
from forebay.db.pulse import Pulse
from forebay.ledger.runs import RunBook
from forebay.service.fresh import Changes
from forebay.service.pages import Encoded, Pages

if TYPE_CHECKING:
    from forebay.lake.reading.reader import Lake
    from forebay.ledger import Ledger
    from forebay.model.task import TaskState
    from forebay.orchestration.grid.grids import Grids, Overview
    from forebay.symbols.registry import Registry

TOPICS = {
    "tasks": ("tasks", "runs"),
    "coverage": ("coverage", "files_upstream"),
    "streams": ("streams", "consumers", "interruptions"),
    "schedule": ("schedule", "schedule_jobs"),
    "symbols": ("symbol_registry", "universe"),
}
"""What pages are about, and the tables that it is read from."""


@dataclass
class Desk:
    """The wired application, safe for the threads of endpoints.

    Nothing is opened before it is asked for: a database that is away makes the service not ready, and does not end it.
    """

    app: App
    redact: Callable[[str], str]
    """Takes secrets out of a text."""
    pages: Pages[str, Encoded] = field(default_factory=Pages)
    """Bars that were asked for lately, under tags that change with the lake."""
    changes: Changes = field(default_factory=Changes)
    """What this service may have changed."""
    _opening: Lock = field(default_factory=Lock)
    _pulse: Pulse | None = None
    _grids: Grids | None = None

    @property
    def ledger(self) -> Ledger:
        """The ledger. Raises LedgerError."""
        with self._opening:
            return self.app.ledger

    @property
    def lake(self) -> Lake:
        """The lake, for reading. Raises UsageError for an address that is none."""
        with self._opening:
            return self.app.lake

    @property
    def registry(self) -> Registry:
        """The registry of symbols. Raises LedgerError."""
        with self._opening:
            return self.app.registry

    @property
    def grids(self) -> Grids:
        """Makes the coverage grid. Raises LedgerError, UsageError for an address of the lake that is none."""
        self.opened()
        with self._opening:
            if self._grids is None:
                self._grids = open_grids(self.app)
            return self._grids

    def grid(self) -> Overview:
        """The coverage grid as it is now, or was a moment ago. Raises as `grids`."""
        return self.grids.overview(self.changes.last, tuple(self.marks().values()))

    def book(self) -> RunBook:
        """The book of runs. Raises LedgerError."""
        return RunBook(self.ledger.database, self.app.clock)

    def opened(self) -> App:
        """The application for a question that wants all of it, ledger and lake open. Raises LedgerError, UsageError."""
        with self._opening:
            _ = self.app.ledger, self.app.lake, self.app.registry
        return self.app

    def marks(self) -> dict[str, int]:
        """Topic to a mark that differs when what pages show of it may have changed. Raises LedgerError."""
        with self._opening:
            self._pulse = self._pulse or Pulse(self.app.ledger.database, TOPICS)
        return self._pulse.look()

    def close(self) -> None:
        """Let go of all that was opened."""
        if self._pulse is not None:
            self._pulse.close()
        self.app.close()

    def counts(self) -> dict[TaskState, int]:
        """How many tasks are in each state. Raises LedgerError."""
        return self.ledger.tasks.counts()

    def check_lake(self) -> None:
        """See that the lake's place can be reached. Raises UsageError, LakeError, StoreError."""
        self.lake.home.check()


async def _desk(request: Request) -> Desk:  # no thread is needed for it
    desk: Desk = request.app.state.desk
    return desk


At = Annotated[Desk, Depends(_desk)]
"""The desk, as an endpoint's argument."""
