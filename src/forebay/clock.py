"""Time as a parameter: whatever waits or asks for the time is handed a `Clock`. Nothing here may read settings."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time and waiting, so that tests own both."""

    def now(self) -> datetime:
        """The current time, in UTC, with its zone."""
        ...

    def elapsed(self) -> float:
        """Seconds since some moment, however often the wall clock is set meanwhile: for deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once if they are not positive."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The current time, in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Seconds that this machine has been counting."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block this thread for `seconds`."""
        if seconds > 0:
            time.sleep(seconds)
