"""What every sink of live data is to whoever sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from forebay.model.message import Message


class Sink(Protocol):
    """Takes messages on. Its calls may come from any thread; they wait for each other."""

    @property
    def name(self) -> str:
        """A word for logs, metrics and errors: `kafka`."""
        ...

    def send(self, messages: Sequence[Message]) -> None:
        """Take these, in their order; waits while there is no room for them.

        Raises SinkUnavailable when the wait has lasted too long: give the same messages again later. Those of them that
        were taken come twice then, which whoever stores them does not notice. Raises SinkRefused where waiting is vain.
        """
        ...

    def flush(self, seconds: float) -> None:
        """Return when everything taken is acknowledged; raises SinkUnavailable after `seconds`, and SinkRefused."""
        ...

    def close(self) -> None:
        """Flush as far as that is possible soon, and let go. Raises SinkUnavailable when something is left behind."""
        ...
