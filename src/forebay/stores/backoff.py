"""How long to wait before another attempt, and how many attempts there are. Waiting goes through the clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

Jitter = Callable[[], float]
"""A number from 0 to 1, another each time."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """A few attempts with growing, jittered waits between them; the task that failed is retried far later."""

    attempts: int = 3
    first: float = 0.5
    """Seconds before the second attempt; doubles from there."""
    longest: float = 8.0
    """Seconds."""
    jitter: Jitter = random.random

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many failures: half of the full wait at least, so that it is never nothing."""
        full = min(self.first * 2.0 ** (failures - 1), self.longest)
        return full * (0.5 + 0.5 * self.jitter())
