"""How long to wait before the next connection: full jitter, and a cooldown where haste would evict somebody."""

from __future__ import annotations

from forebay.model.live import Cause
from forebay.stores.backoff import Jitter
from forebay.vendor.stream.limits import SessionLimits


class Waits:
    """The waits of one session. It reconnects for ever; a connection that lasted makes the waits short again."""

    def __init__(self, limits: SessionLimits, random: Jitter) -> None:
        self._limits = limits
        self._random = random
        self._failures = 0

    def after(self, cause: Cause, lasted: float) -> float:
        """Seconds to wait, once a connection has ended that lasted so long after it was subscribed."""
        if lasted >= self._limits.settled:
            self._failures = 0
        self._failures += 1
        if cause is Cause.EVICTED:
            return self._limits.cooldown * (1 + 0.5 * self._random())
        full = min(self._limits.longest_wait, self._limits.first_wait * 2.0 ** min(self._failures - 1, 16))
        return full * self._random()
