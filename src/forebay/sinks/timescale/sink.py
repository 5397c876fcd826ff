"""The database as a sink: of live data where no Kafka is in between, and of bars that the lake holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Self

from forebay.model.message import BarMessage, Message
from forebay.sinks.timescale.store import Store


@dataclass(slots=True)
class TimescaleSink:
    """Stores bars as they are given; what is no bar has no table here, and is counted."""

    store: Store
    name: str = "timescale"
    stored: int = 0
    """Rows that were new, or other than before."""
    passed_over: int = 0
    """Messages that are no bars."""
    refused: int = 0
    """What it cannot store is an error: none is left out."""
    _turn: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, messages: Sequence[Message]) -> None:
        """Store them, in one transaction. Given again, they change nothing.

        Raises SinkUnavailable when the database is away, SinkRefused when it refuses, CheckFailed for a bar that has
        no table.
        """
        bars = [message for message in messages if isinstance(message, BarMessage)]
        with self._turn:
            self.passed_over += len(messages) - len(bars)
            if bars:
                self.stored += self.store.write(bars).stored

    def flush(self, seconds: float) -> None:
        """Nothing to do: what `send` returned of is stored."""

    def close(self) -> None:
        """Let the connection go."""
        with self._turn:
            self.store.close()
