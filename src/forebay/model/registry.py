"""The registry's nouns: which symbols a service keeps, how, and what became of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from forebay.errors import UsageError
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.words import nearest


class Phase(StrEnum):
    """What is done for a symbol, in this order."""

    BACKFILL = "backfill"
    """Its bars from the first day wanted to the last complete session, into the lake."""
    SNAPSHOT = "snapshot"
    """What the vendor says of it now."""
    STREAM = "stream"
    """Live data from here on."""


class IngestionStrategy(StrEnum):
    """How a symbol is kept. Read from either spelling: `FLATPACK_API` and `flatpack_api` are one."""

    FLATPACK = "flatpack"
    """History, from the cheapest source."""
    SNAPSHOT = "snapshot"
    STREAM = "stream"
    FLATPACK_API = "flatpack_api"
    """History, by REST alone."""
    SNAPSHOT_STREAM = "snapshot_stream"
    FLATPACK_SNAPSHOT_STREAM = "flatpack_snapshot_stream"

    @classmethod
    def _missing_(cls, value: object) -> IngestionStrategy | None:
        return next((one for one in cls if isinstance(value, str) and one.value == value.lower()), None)

    @classmethod
    def foreign(cls, word: str) -> IngestionStrategy:
        """A word that another program wrote, and that there is not: shown as it is, and no phase comes of it."""
        made = str.__new__(cls, word)
        made._name_, made._value_ = "FOREIGN", word
        return made

    @property
    def known(self) -> bool:
        """Whether it is one of these."""
        return self.name in type(self).__members__

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What it comes to."""
        words = self.value.split("_") if self.known else []
        named = {"flatpack": Phase.BACKFILL, "snapshot": Phase.SNAPSHOT, "stream": Phase.STREAM}
        return tuple(named[word] for word in words if word in named)

    @property
    def rest_only(self) -> bool:
        """Whether history is to come by REST."""
        return self is IngestionStrategy.FLATPACK_API


class IngestionStatus(StrEnum):
    """What is being done with a symbol."""

    IDLE = "idle"
    RUNNING = "running"
    """Somebody holds its lease."""
    ERROR = "error"
    """The last run failed; `error_message` says why, `retry_at` when it is tried again."""
    DISABLED = "disabled"
    """The same fact as `enabled` being false."""

    @classmethod
    def _missing_(cls, value: object) -> IngestionStatus | None:
        return next((one for one in cls if isinstance(value, str) and one.value == value.lower()), None)


_Word = TypeVar("_Word", IngestionStrategy, IngestionStatus)


def word_of(kind: type[_Word], name: str, value: str) -> _Word:
    """A strategy or a status, also from its name. Raises UsageError for another word."""
    try:
        return value if isinstance(value, kind) else kind(value)
    except ValueError as error:
        raise UsageError(f"its {name} cannot be {str(value)[:60]!r}", remedy=nearest(value, list(kind))) from error


@dataclass(frozen=True, slots=True)
class SymbolRegistry:
    """One symbol of the registry. Instants are UTC; those it gets from the database need not be given.

    `strategy` and `status` may be given by name. Raises UsageError for names that there are not.
    """

    symbol: str
    """Case-sensitive, as REST spells it."""
    strategy: IngestionStrategy = IngestionStrategy.FLATPACK
    status: IngestionStatus = IngestionStatus.IDLE
    enabled: bool = True
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """JSON values. Known keys: `asset_class`, `timeframes` (of 1m and 1d), `start` (first day wanted, ISO)."""
    last_backfill: datetime | None = None
    """When a backfill last ended with nothing missing; the others likewise."""
    last_snapshot: datetime | None = None
    last_stream: datetime | None = None
    error_message: str | None = None
    failures: int = 0
    """Runs that failed since one succeeded."""
    retry_at: datetime | None = None
    """After an error: not run again before."""
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy", word_of(IngestionStrategy, "strategy", self.strategy))
        object.__setattr__(self, "status", word_of(IngestionStatus, "status", self.status))

    @property
    def asset_class(self) -> AssetClass:
        """Of the metadata, or what the ticker's prefix says."""
        named = self.metadata.get("asset_class")
        return AssetClass(named) if named else asset_class_of(self.symbol)
