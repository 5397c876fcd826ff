"""Where a reader of Kafka stands: a partition of a topic, and the step from one position to the next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class Move:
    """From the next offset that was to be read to the one that is now."""

    place: Place
    expected: int | None
    """None where nothing was read before."""
    next: int
