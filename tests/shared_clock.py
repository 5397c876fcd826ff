"""A virtual clock for threads of several processes: when all of them sleep, it jumps to the first one's waking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from multiprocessing.context import BaseContext
from threading import local

EPOCH = datetime(2024, 1, 2, tzinfo=UTC)
_AWAKE = -1.0
_GONE = float("inf")
_thread = local()


class SharedClock:
    """Made before the fork, with a seat for each participant; a thread takes its seat and leaves it when it is done.

    Time stands while anybody is awake, so what happens is a matter of the program alone, not of the machine's speed.
    Only those whose time has come are woken: a hundred sleepers cost no more than two.
    """

    def __init__(self, context: BaseContext, seats: int, start: datetime = EPOCH) -> None:
        self._start = start
        self._turn = context.Lock()
        self._now = context.Value("d", 0.0, lock=False)
        self._wakes = context.Array("d", [_AWAKE] * seats, lock=False)
        self._bells = [context.Semaphore(0) for _ in range(seats)]

    def sit(self, seat: int) -> None:
        """Use this seat from now on, in this thread."""
        _thread.seat = seat

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._now.value)

    def elapsed(self) -> float:
        return self._now.value

    def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        with self._turn:
            self._wakes[_thread.seat] = self._now.value + seconds
            self._jump()
        if not self._bells[_thread.seat].acquire(timeout=60):
            raise TimeoutError("the shared clock stands still")

    def leave(self) -> None:
        """Nobody waits for this seat any more."""
        with self._turn:
            self._wakes[_thread.seat] = _GONE
            self._jump()

    def _jump(self) -> None:
        first = min(self._wakes)
        # A sleeper whose time has come counts as awake until it sleeps again: its waking is not in the future.
        if self._now.value < first < _GONE:
            self._now.value = first
            for seat, wake in enumerate(self._wakes):
                if wake == first:
                    self._bells[seat].release()
