"""The nouns of live data: clusters, what is subscribed to, and the times at which nothing was heard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
