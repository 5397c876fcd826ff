"""The time of a replay: a clock that the replay moves, and the pace at which it may be moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf
from threading import Condition

from forebay.clock import Clock
from forebay.errors import UsageError
from forebay.sandbox.cells import nanos

MAX = inf
"""As fast as the slowest reader takes it."""
_MOST = 1000.0
_IDLE = 60.0
"""At `MAX`, while nobody is subscribed any more, so many seconds pass in one."""
_SECOND = 1_000_000_000
_FAR = 1 << 62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def speed_from(text: str) -> float:
    """A speed as it is written: 1 to 1000, or `max`. Raises UsageError for anything else."""
    if text == "max":
        return MAX
    try:
        return checked_speed(float(text))
    except ValueError as problem:
        raise _no_speed(text) from problem


def checked_speed(speed: float) -> float:
    """The speed, when it is one. Raises UsageError otherwise."""
    if speed != MAX and not 1.0 <= speed <= _MOST:
        raise _no_speed(f"{speed:g}")
    return speed


def _no_speed(text: str) -> UsageError:
    return UsageError(f"{text} is not a speed of replay", remedy="Choose from 1 to 1000, or max.")


class ReplayClock:
    """Replayed time, for everyone: what the stream has sent is what has happened. A `forebay.clock.Clock`."""

    def __init__(self, start: datetime) -> None:
        self._nanos = nanos(start)
        self._changed = Condition()
        self._closed = False

    @property
    def nanos(self) -> int:
        """Now, in ns UTC."""
        with self._changed:
            return self._nanos

    def now(self) -> datetime:
        """The replayed moment, in UTC."""
        return _EPOCH + timedelta(microseconds=self.nanos // 1000)

    def elapsed(self) -> float:
        """Seconds of replayed time since 1970."""
        return self.nanos / _SECOND

    def sleep(self, seconds: float) -> None:
        """Return when so much replayed time has passed, or the replay has ended."""
        if seconds > 0:
            self.wait_for(self.nanos + int(seconds * _SECOND), None)

    def wait_for(self, moment: int, seconds: float | None) -> bool:
        """Wait until the replay is at `moment` (ns) or has ended, at most `seconds` of real time; whether it is."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._nanos >= moment, seconds)
            return self._nanos >= moment

    def move(self, moment: int) -> None:
        """Go on to `moment` (ns); never back."""
        with self._changed:
            if moment > self._nanos:
                self._nanos = moment
                self._changed.notify_all()

    def close(self) -> None:
        """Nothing moves it any more: whoever sleeps by it wakes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Pace:
    """How far the replay may be at this moment. `speed` None follows the base clock itself."""

    def __init__(self, base: Clock, start: int, speed: float | None) -> None:
        self._base = base
        self._speed = speed
        self.rebase(start)
        self.hold: int | None = None
        """Not beyond this moment (ns), and up to it at once; None: by the clock."""

    def limit(self) -> int:
        """The moment (ns) up to which it may go now."""
        if self.hold is not None:
            return self.hold
        if self._speed is None:
            return nanos(self._base.now())
        if self._speed == MAX:
            return _FAR
        return self._passed(self._speed)

    def idle_limit(self) -> int:
        """The same while nobody is subscribed."""
        return self._passed(_IDLE) if self._speed == MAX and self.hold is None else self.limit()

    @property
    def waits_for_readers(self) -> bool:
        """Whether the readers set the pace."""
        return self._speed == MAX or self.hold is not None

    def go_on(self, now: int) -> None:
        """From `now` (ns) on by the clock again."""
        self.rebase(now)
        self.hold = None

    def forgive(self, now: int) -> None:
        """Count from `now` (ns) on if more than a second was lost: a burst of old events helps nobody."""
        if self._speed not in (None, MAX) and self.hold is None and self.limit() - now > self._speed * _SECOND:
            self.rebase(now)

    def rebase(self, now: int) -> None:
        """Count the time that passes from `now` (ns) on."""
        self._origin, self._since = now, nanos(self._base.now())

    def _passed(self, speed: float) -> int:
        return self._origin + int((nanos(self._base.now()) - self._since) * speed)
