"""How a call gets its turn: reserve the first free moment in a book that everybody shares, then sleep until it.

Nobody polls, and among callers of one kind whoever asks first is served first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from structlog import get_logger

from forebay.budget.line import LATE, SOON
from forebay.clock import Clock
from forebay.errors import RateLimited

_LONG = timedelta(seconds=3)
"""A person is told why nothing happens for longer than this."""

_SET_BACK = timedelta(minutes=2)
"""A moment that has moved away by more than others may move it, and by this, was promised by a clock set back since."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Promise:
    """A moment at which one call may be made."""

    ticket: str | None
    """Whom it is for; None where it was farther off than the caller's patience, and nothing was promised."""
    wait: timedelta
    """How far off it is."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget at a glance."""

    limit: int
    """Calls a minute as configured; 0 is no limit at all."""
    effective: int
    """Calls a minute for now: lower than the limit for some minutes after a 429."""
    used: int
    """Calls of the last minute."""
    waiting: int
    """Callers with a promise for later."""
    paused: float
    """Seconds for which nothing is granted."""


class Book(Protocol):
    """Where promises stand, for all processes and machines; each step is atomic."""

    @property
    def limit(self) -> int:
        """Calls a minute; 0 is no limit at all."""
        ...

    @property
    def name(self) -> str:
        """How messages call it: a path, or host and database; never with a password."""
        ...

    def reserve(self, patience: timedelta | None, *, interactive: bool) -> Promise:
        """The first free moment, not farther off than `patience`."""
        ...

    def look(self, ticket: str) -> timedelta | None:
        """How far off a promised moment is by now, negative once it is over; None: it was taken back."""
        ...

    def slow_down(self, pause: timedelta) -> None:
        """The vendor has said 429: grant nothing for `pause`, take promises back, and lower the limit for a while."""
        ...

    def standing(self) -> Standing:
        """The budget at a glance."""
        ...

    def close(self) -> None:
        """Let go of connections that are the book's own."""
        ...


class SharedBudget:
    """At most so many calls in any minute, by whoever shares the book. Usable from several threads.

    It is the batch callers' budget; `interactive` is the one of callers for whom a person waits.
    """

    def __init__(self, book: Book, clock: Clock, *, interactive: bool = False) -> None:
        self.book = book
        self._clock = clock
        self._interactive = interactive

    def interactive(self) -> SharedBudget:
        """The same budget for calls that a person waits for: they take turns with batch calls, not places behind."""
        return SharedBudget(self.book, self._clock, interactive=True)

    def acquire(self, timeout: float | None = None) -> None:
        """Return when one call may be made. Raises RateLimited when that would take over `timeout` seconds.

        Others who are put before a batch caller can at most double the wait that it was promised. Raises
        BudgetUnavailable or LedgerError when the book cannot be reached.
        """
        if self.book.limit <= 0:
            return
        deadline = None if timeout is None else self._clock.now() + timedelta(seconds=timeout)
        while True:
            patience = None if deadline is None else max(deadline - self._clock.now(), timedelta())
            promise = self.book.reserve(patience, interactive=self._interactive)
            if self._kept(promise):
                return

    def slow_down(self, seconds: float) -> None:
        """Grant nothing to anybody for `seconds`: the vendor has said 429. For some minutes after it, grant less."""
        if self.book.limit > 0:
            self.book.slow_down(timedelta(seconds=seconds))

    def standing(self) -> Standing:
        """The limit, what is left of it after 429s, and who uses it."""
        return self.book.standing() if self.book.limit > 0 else Standing(0, 0, 0, 0, 0.0)

    def close(self) -> None:
        """Let go of connections that are the book's own."""
        self.book.close()

    def _kept(self, promise: Promise) -> bool:
        """Sleep until the promised moment; False when it was taken back meanwhile, or slept through."""
        if promise.ticket is None:
            raise self._refusal(promise.wait)
        left = promise.wait
        if left > _LONG:
            self._tell(left)
        while left > SOON:  # again when somebody was put before us
            self._clock.sleep(left.total_seconds())
            found = self.book.look(promise.ticket)
            if found is None or found > 2 * promise.wait + _SET_BACK:
                return False
            left = found
        return left >= -LATE

    def _tell(self, wait: timedelta) -> None:
        """Say why nothing is asked for a while; that a batch call waits for its turn is no news."""
        now = self.book.standing()
        if now.effective < now.limit:
            why = f"the vendor has refused calls: {now.effective} a minute for now"
        elif now.paused:
            why = "nothing is granted after a 429, or while the last minute's calls are unknown: Redis was emptied, say"
        else:
            why = f"the budget of {now.limit} calls a minute is in use (POLYGON_RATE_LIMIT)"
        say = log.info if self._interactive or now.paused else log.debug
        say("waiting_for_a_call", seconds=round(wait.total_seconds()), reason=why)

    def _refusal(self, wait: timedelta) -> RateLimited:
        seconds = wait.total_seconds()
        return RateLimited(
            f"the shared budget of {self.book.limit} calls a minute has none free for {seconds:.0f} s",
            remedy="let fewer workers share the key, or raise POLYGON_RATE_LIMIT if your plan allows more",
            retry_after=seconds,
        )
