"""The nouns of live data: clusters, what is subscribed to, and the times at which nothing was heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from forebay.model.instrument import AssetClass

WILDCARD = "*"


class Cluster(StrEnum):
    """One of the vendor's streams; a connection is to one of them, and an account has one connection to each."""

    STOCKS = "stocks"
    OPTIONS = "options"
    INDICES = "indices"
    FOREX = "forex"
    CRYPTO = "crypto"

    @property
    def asset_class(self) -> AssetClass:
        """Whose data it carries."""
        return AssetClass(self.value)


@dataclass(frozen=True, slots=True, order=True)
class Subscription:
    """A channel of one symbol, or of all (`*`). `str()` is the vendor's spelling: `AM.AAPL`."""

    channel: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.channel}.{self.symbol}"

    @classmethod
    def of(cls, text: str) -> Subscription:
        """What `str()` made."""
        return cls(*text.split(".", 1))


class Cause(StrEnum):
    """Why nothing was heard, or what was heard was let go."""

    CLOSED = "closed"
    """The connection ended, whoever ended it."""
    EVICTED = "max_connections"
    """Another connection of the account took its place."""
    SLOW = "slow_consumer"
    """The vendor ended it because it was not read fast enough."""
    SILENT = "silent"
    """Nothing came in an open session; the connection was given up."""
    SHED = "shed"
    """What came was let go, because what takes it on was too slow."""
    STOPPED = "stopped"
    """Nobody listened: the process was down."""
    MALFORMED = "malformed"
    """Events came that cannot be read."""
    BEHIND = "behind"
    """What came was too late to be believed complete."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """An interval of one cluster's subscriptions of which live data may lack something. UTC, both ends included."""

    cluster: Cluster
    subscriptions: tuple[Subscription, ...]
    began: datetime
    """The last moment of which everything was heard."""
    ended: datetime | None
    """The first moment from which everything is heard again; None while it lasts."""
    cause: Cause
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """An interruption as the ledger has it."""

    id: int
    interruption: Interruption
    closed_at: datetime | None
    """When what it lacked had been sent on; None while that is owed."""
    evidence: Mapping[str, Any]
    """What was asked for, what came, and what was left to a day's flat file."""
    error: str | None = None
    """Why the last try to refill it failed."""


class StreamState(StrEnum):
    """What a process is doing with a cluster."""

    CONNECTING = "connecting"
    STREAMING = "streaming"
    """Everything that was asked for is acknowledged."""
    WAITING = "waiting"
    """Not connected; it will try again."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """How a cluster's stream is. Instants are UTC."""

    cluster: Cluster
    worker: str | None
    """The process that streams it; None when none does."""
    state: StreamState
    subscriptions: tuple[Subscription, ...] = ()
    started_at: datetime | None = None
    heard_until: datetime | None = None
    """Whatever came before is with every sink: where a process begins that takes over."""
    last_message: datetime | None = None
    lag: float | None = None
    """Seconds from an event's own time to its arrival."""
    reconnects: int = 0
    gap_seconds: float = 0.0
    """Of all interruptions since it was started."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """`messages`, `bad`, `unknown`, `shed`, and of each sink `<name>_sent` and `<name>_waiting`."""
    error: str | None = None
    updated_at: datetime | None = None
