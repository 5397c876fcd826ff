"""Test doubles for users of Forebay, and for Forebay's own tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock


class FakeClock:
    """A clock that stands until it is moved: `sleep` moves it and returns at once. Usable from several threads."""

    def __init__(self, start: datetime = datetime(2024, 1, 2, tzinfo=UTC)) -> None:
        self._now = start.astimezone(UTC)
        self._lock = Lock()
        self.slept: list[float] = []
        """Every wait that was asked for, in seconds."""

    def now(self) -> datetime:
        """The time it was last moved to, in UTC."""
        with self._lock:
            return self._now

    def elapsed(self) -> float:
        """Seconds that it was moved to, since 1970."""
        return self.now().timestamp()

    def sleep(self, seconds: float) -> None:
        """Move by `seconds` and remember it."""
        with self._lock:
            self.slept.append(seconds)
            self._now += timedelta(seconds=max(seconds, 0.0))

    def advance(self, seconds: float) -> None:
        """Move by `seconds`, as if that time had passed elsewhere."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
