"""Whether it is too quiet: only sessions that are open make a noise, and some symbols hardly any."""

from __future__ import annotations

from collections.abc import Callable

_MOST = 12
"""Patience grows to so many times the first one."""


class Silence:
    """Counts quiet seconds of an open session. All times are of one steady clock."""

    def __init__(self, patience: float, open_now: Callable[[], bool]) -> None:
        self._first = patience
        self._patience = patience
        self._open_now = open_now
        self._since = 0.0
        self._events = 0

    @property
    def look_every(self) -> float:
        """Seconds between two looks that find a silence in time."""
        return self._first / 10

    def begin(self, now: float) -> None:
        """A connection starts to listen."""
        self._since = now

    def too_long(self, now: float, events: int) -> float | None:
        """Seconds of silence when they are too many; the next time it takes twice as long. None otherwise.

        `events` counts what came so far: each look starts anew when there is more of it.
        """
        if events != self._events:
            self._events, self._patience = events, self._first
            self._since = now
        if not self._open_now():
            self._since = now
        quiet = now - self._since
        if quiet < self._patience:
            return None
        self._patience = min(2 * self._patience, _MOST * self._first)
        return quiet
