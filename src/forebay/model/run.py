"""An order over HTTP that takes long: what was ordered, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class RunKind(StrEnum):
    """What is done."""

    INGEST = "ingest"
    """Symbols of the registry are run, as their strategies say."""
    REPAIR = "repair"
    """Gaps in minute bars are found and fetched again."""
    FILL = "fill"
    """A cell of the coverage grid is put right."""
    REPLAY = "replay"
    """Something in quarantine is tried again."""


class RunState(StrEnum):
    """How far it has come."""

    WAITING = "waiting"
    """For a service that is free."""
    RUNNING = "running"
    DONE = "done"
    """Everything was tried; what failed says so."""
    FAILED = "failed"
    """Something stopped all of it."""
    STOPPED = "stopped"
    """The service that carried it out was stopped, or died."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done. Two that are equal are one, as long as it waits."""

    kind: RunKind
    symbols: tuple[str, ...] | None = None
    """None: every symbol that is enabled, and of an ingest due."""
    start: date | None = None
    """First session date that a repair looks at; None as in `forebay gaps`, as `end`."""
    end: date | None = None
    budget: int | None = None
    """Gaps that a repair closes at most; None: what the settings say."""
    again: bool = False
    """A repair asks for what the vendor is known to lack, too."""
    table: str | None = None
    """What a fill is about: `stocks/bars_1m`, of its one symbol or of everything that is wanted."""
    note: str | None = None
    """What a replay is about: the id of a thing in quarantine."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What came of an order so far."""

    completed: int = 0
    """Symbols that were run, gaps that are closed, tasks that ended well, or what left the quarantine."""
    failed: int = 0
    """Symbols that failed, gaps that stay, tasks that did not end well, or what stays in quarantine."""
    records: int = 0
    """Rows that are held now and were not before; of a repair minutes that lacked, by its own estimate."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """Symbol, symbol and session date, or id in quarantine to why it failed: the first hundred."""


@dataclass(frozen=True, slots=True)
class Run:
    """An order and what became of it. Instants are UTC."""

    id: str
    order: Order
    state: RunState
    ordered_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    """Of one that was stopped: when it was last heard of."""
    progress: Progress = field(default_factory=Progress)
    error: str | None = None
    """What stopped all of it."""
