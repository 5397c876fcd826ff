"""What a session tells who listens, besides interruptions; and how it is doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from forebay.errors import ForebayError
from forebay.model.live import Interruption, Subscription
from forebay.vendor.stream.decode import Decoded


class Frame(Struct, frozen=True, gc=False):
    """One frame of events, decoded."""

    decoded: Decoded
    received: datetime
    """UTC, when it was taken off the socket."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The vendor has acknowledged these: from `since` (UTC) on everything of them is heard."""

    subscriptions: tuple[Subscription, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing comes of these. They are not asked for again; the session goes on with the others."""

    subscriptions: tuple[Subscription, ...]
    error: ForebayError
    """NotEntitled, or UsageError when the vendor gave no answer at all."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """There is no connection, for the reason given; the next attempt is `seconds` away."""

    detail: str
    seconds: float


Heard = Frame | Subscribed | Refused | Waiting | Interruption
"""An interruption comes when it begins, with `ended` None, and again with the same `began` and cause when it ends."""


class State(StrEnum):
    """Of a session."""

    CONNECTING = "connecting"
    LIVE = "live"
    WAITING = "waiting"
    """Before the next attempt."""
    ENDED = "ended"


@dataclass(slots=True)
class Health:
    """Of one session, always up to date; read it from anywhere, write it nowhere else."""

    state: State = State.CONNECTING
    last_message: datetime | None = None
    """When a frame with events came, UTC."""
    lag: float | None = None
    """Seconds from the newest event to its receipt, a delayed host's delay taken off."""
    connects: int = 0
    reconnects: int = 0
    interruptions: int = 0
    gap_seconds: float = 0.0
    """Of interruptions that have ended."""
    frames: int = 0
    bytes: int = 0
    """Of those frames."""
    messages: int = 0
    bad: int = 0
    unknown: int = 0
    shed_frames: int = 0
    shed_bytes: int = 0
    pauses: int = 0
    """Times at which reading stopped because the queue was full."""
    queued_frames: int = 0
    queued_bytes: int = 0
    unasked: int = 0
    """Acknowledgements and errors that belong to nothing that was asked for."""
    error: str = ""
    """What ended the last connection; empty while one is live."""
