"""What a session allows itself: deadlines, waits and room. All times are seconds, all sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from forebay.errors import UsageError

_MEBIBYTE = 1 << 20
_ROOM = 1024
"""Bytes that a queue needs beside its largest frame."""
_DELAY = 900.0


class Overflow(StrEnum):
    """What is done when frames come faster than they are taken."""

    SHED = "shed"
    """Let frames go, count them, and say which interval lacks them."""
    STOP = "stop"
    """Stop reading. The vendor's buffer fills next; when it ends the connection, that is an interruption."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Defaults are for the vendor; tests have shorter ones."""

    connect: float = 10.0
    """For TCP, TLS and the upgrade; and again for each answer of the handshake."""
    acknowledge: float = 10.0
    """For the answer to one request of subscriptions, since its last sign."""
    quiet: float = 1.0
    """Without a further sign after a refusal, which may stand for all of a request or for one subscription of it."""
    ping: float = 20.0
    """Between two pings, and for the pong: a half-open connection is found by twice that."""
    first_wait: float = 1.0
    """Before the first reconnect, at most; doubled with each that fails."""
    longest_wait: float = 60.0
    cooldown: float = 90.0
    """After an eviction, at least: what took the place must not be evicted in turn, for ever."""
    settled: float = 30.0
    """A connection that lasted so long proves itself: the next wait is the first one again."""
    silence: float = 300.0
    """Without an event in an open session, then the connection is given up; doubled while that does not help."""
    lag: float = 120.0
    """From an event to its receipt, beyond which what comes is not believed complete."""
    delay: float = 0.0
    """How far a delayed host is behind on purpose."""
    overlap: float = 15.0
    """Taken off what was heard last: events of one moment do not come all at once."""
    queue: int = 64 * _MEBIBYTE
    """Frames that wait to be decoded, together."""
    frame: int = 16 * _MEBIBYTE
    """The largest frame, decompressed; a larger one ends the connection."""
    overflow: Overflow = Overflow.SHED

    def __post_init__(self) -> None:
        """Raises UsageError for a queue that has no room for one frame."""
        if self.queue < self.frame + _ROOM:
            raise UsageError(
                f"a queue of {self.queue:,} bytes cannot hold the largest frame, {self.frame:,} bytes",
                remedy="Give the stream's queue more room.",
            )


def delay_of(url: str) -> float:
    """Seconds that an origin is behind on purpose: 15 minutes where its host, or a sandbox's path, says `delayed`."""
    parts = urlsplit(url)
    delayed = (parts.hostname or "").startswith("delayed") or parts.path.strip("/") == "delayed"
    return _DELAY if delayed else 0.0
