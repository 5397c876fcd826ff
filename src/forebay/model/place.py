"""Where a reader of Kafka stands: a partition of a topic, and the step from one position to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """A partition of a topic. A tuple: each message looks one up."""

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
