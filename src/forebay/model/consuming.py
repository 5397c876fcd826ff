"""How a consumer of Kafka is: what it has stored, and how far it is behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class TopicFigures:
    """One topic in one process, since that began."""

    messages: int = 0
    """Read and dealt with."""
    dead_letters: int = 0
    batches: int = 0
    lag: int | None = None
    """Messages in the partitions of this process that are not stored; None where none is its."""
    last_stored: datetime | None = None
    """When a batch with messages of it was committed, UTC."""


@dataclass(frozen=True, slots=True)
class ConsumerHealth:
    """One process, as the ledger has it. Instants are UTC."""

    worker: str
    name: str
    """Whose part it does: CONSUME_NAME."""
    alive: bool = True
    """Whether it has said so lately."""
    started_at: datetime | None = None
    updated_at: datetime | None = None
    lag: int | None = None
    last_stored: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    """`messages`, `bars`, `rows` that were new or changed, `batches`, `dead_letters`, `missed`, `waits`."""
    topics: Mapping[str, TopicFigures] = field(default_factory=dict)
    """By name; beyond the first hundred, the farthest behind first, the others together as `*`."""
