"""The rate budget as the vendor's room sees it. Implementations that workers share live in rooms above."""

from __future__ import annotations

from typing import Protocol


class Budget(Protocol):
    """Permission to call the vendor's REST service, shared by everybody who uses the same key."""

    def acquire(self, timeout: float | None = None) -> None:
        """Return when one call may be made. Raises RateLimited when that would take over `timeout` seconds."""
        ...

    def slow_down(self, seconds: float) -> None:
        """Grant nothing to anybody for `seconds`: the vendor has said 429."""
        ...

    def interactive(self) -> Budget:
        """The same budget for calls that a person waits for: they do not queue behind those of batch work."""
        ...


class NoLimit:
    """The budget of a plan without a limit, and of a rate limit of 0."""

    def acquire(self, timeout: float | None = None) -> None:
        """Return at once."""

    def slow_down(self, seconds: float) -> None:
        """Nothing to slow down: the client that met the 429 waits by itself."""

    def interactive(self) -> NoLimit:
        """Everybody is served at once."""
        return self
