"""How many calls a minute the vendor bears: the limit, lowered by a 429, coming back with clean minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60.5)
"""The vendor counts any 60 seconds as it sees them; half a second is for what the network adds to one call and not to
another, and for waking up late. It costs 0.8 % of the budget."""
MINUTE = timedelta(seconds=60)
PATIENT_WINDOWS = 5
"""A moment so many windows farther off than those who wait can make it was promised by a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the vendor's 429s have left of a limit. All instants are UTC; `book.lua` computes the same for Redis."""

    paused_until: datetime | None = None
    """Nothing is granted before."""
    lowered_to: int | None = None
    """Calls a minute just after the last 429; None: there was none."""
    clean_since: datetime | None = None
    """When the minutes without a 429 began."""

    def limit_at(self, moment: datetime, limit: int) -> int:
        """What may be granted in a minute at `moment`: each clean minute gives a twentieth of `limit` back."""
        if self.lowered_to is None or self.clean_since is None:
            return limit
        clean = max((moment - self.clean_since) // MINUTE, 0)
        return min(limit, self.lowered_to + clean * max(limit // 20, 1))

    def after_429(self, now: datetime, pause: timedelta, limit: int) -> Pace:
        """The pace once the vendor has refused a call of ours although we were within `limit`: a quarter less.

        The 429s of calls that were under way when the pause began are the same news again: they only prolong it.
        """
        until = max(now + pause, self.paused_until or now)
        news = self.paused_until is None or now >= self.paused_until
        lowered = max(self.limit_at(now, limit) * 3 // 4, 1) if news else self.lowered_to
        return Pace(until, lowered, until)
