"""A virtual clock that several processes share: when all of them sleep, it jumps to the first one's waking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from multiprocessing.context import BaseContext

EPOCH = datetime(2024, 1, 2, tzinfo=UTC)
_AWAKE = -1.0


class SharedClock:
    """Made before the fork, with a seat for each participant; a child takes its seat and leaves it when it is done.

    Time stands while anybody is awake, so what happens is a matter of the program alone, not of the machine's speed.
    """

    def __init__(self, context: BaseContext, seats: int, start: datetime = EPOCH) -> None:
        self._start = start
        self._turn = context.Condition()
        self._now = context.Value("d", 0.0, lock=False)
        self._wakes = context.Array("d", [_AWAKE] * seats, lock=False)
        self._seat = 0

    def sit(self, seat: int) -> None:
        """Use this seat from now on, in this process."""
        self._seat = seat

    def now(self) -> datetime:
        with self._turn:
            return self._start + timedelta(seconds=self._now.value)

    def sleep(self, seconds: float) -> None:
        with self._turn:
            wake = self._now.value + max(seconds, 0.0)
            self._wakes[self._seat] = wake
            self._jump()
            if not self._turn.wait_for(lambda: self._now.value >= wake, timeout=60):
                raise TimeoutError("the shared clock stands still")
            self._wakes[self._seat] = _AWAKE

    def leave(self) -> None:
        """Nobody waits for this seat any more."""
        with self._turn:
            self._wakes[self._seat] = float("inf")
            self._jump()

    def _jump(self) -> None:
        first = min(self._wakes)
        # A sleeper whose time has come counts as awake, even if it has not noticed yet.
        if self._now.value < first < float("inf"):
            self._now.value = first
            self._turn.notify_all()
