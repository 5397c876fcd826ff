"""From what came out of the queue to what is told: frames decoded, interruptions with their bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from forebay.model.live import Cause, Cluster, Interruption, Subscription
from forebay.model.message import Message
from forebay.vendor.stream.decode import DECODERS
from forebay.vendor.stream.heard import Frame, Health, Heard, Subscribed
from forebay.vendor.stream.limits import SessionLimits
from forebay.vendor.stream.openings import Openings
from forebay.vendor.stream.queue import Taken
from forebay.vendor.stream.trail import Trail

Wanted = Callable[[], tuple[Subscription, ...]]
_CONTINUED = frozenset({Cause.SHED, Cause.BEHIND})
"""Causes for which the connection need not have ended."""
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Lost:
    """From here on something is not heard."""

    cause: Cause
    subscriptions: tuple[Subscription, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class Back:
    """From `at` (UTC) on everything is heard again; of all causes but shedding, unless it is named."""

    at: datetime
    shedding: bool = False


class Telling:
    """Follows one session's queue. It runs where the listener takes, so that order is the order of what came."""

    def __init__(self, cluster: Cluster, wanted: Wanted, limits: SessionLimits, health: Health) -> None:
        self._decode = DECODERS[cluster].decode
        self._wanted = wanted
        self._limits = limits
        self._health = health
        self._delay = timedelta(seconds=limits.delay)
        self._trail = Trail(limits.delay, limits.overlap)
        self._openings = Openings(cluster, health)
        self._listening = False
        self._looked = datetime.min.replace(tzinfo=UTC)

    def heard_until(self) -> datetime | None:
        """The last moment of which everything was told, UTC."""
        return self._trail.until()

    def tell(self, item: Any) -> Iterable[Heard]:
        """What there is to say of the next item of the queue."""
        if type(item) is Taken:
            return self._frame(item)
        if isinstance(item, Lost):
            return self._lost(item)
        if isinstance(item, Back):
            return self._back(item)
        return [self._subscribed(item) if isinstance(item, Subscribed) else item]

    def _frame(self, taken: Taken) -> list[Heard]:
        health, received, size = self._health, taken.received, len(taken.data)
        decoded = self._decode(taken.data)
        messages = decoded.messages
        health.frames += 1
        health.bytes += size
        told: list[Heard] = []
        if messages:
            last = messages[-1]
            health.messages += len(messages)
            health.last_message = received
            if abs(received - self._looked) >= _SECOND:
                told.extend(self._follow(last, received))
            self._trail.saw(last, received)
        if messages or decoded.bad or decoded.unknown:
            health.bad += len(decoded.bad)
            health.unknown += decoded.unknown
            told.append(Frame(decoded, received, size))
        return told

    def _follow(self, last: Message, received: datetime) -> list[Interruption]:
        """Late is not lost, but what is very late may be incomplete. Looked at once a second."""
        lag = self._trail.lag(last, received)
        if lag is None:
            return []
        self._health.lag = lag
        self._looked = received
        if lag > self._limits.lag:
            return self._late(lag)
        if self._openings and 2 * lag <= self._limits.lag:
            return self._end(Cause.BEHIND, received - self._delay)
        return []

    def _late(self, lag: float) -> list[Interruption]:
        until = self._trail.until()
        if until is None:
            return []
        return self._begin(Lost(Cause.BEHIND, self._wanted(), f"events come {lag:.0f} s late"), until)

    def _lost(self, lost: Lost) -> Iterable[Interruption]:
        until, ended = self._trail.until(), lost.cause not in _CONTINUED
        if ended:
            self._listening = False
            if not _CONTINUED.issuperset(self._openings.causes):
                return []  # a connection that ends before all is granted again is part of what lasts
        return [] if until is None else self._begin(lost, until)

    def _back(self, back: Back) -> Iterable[Interruption]:
        over = [one for one in self._openings.causes if (one is Cause.SHED) is back.shedding]
        return [ended for cause in over for ended in self._end(cause, back.at - self._delay)]

    def _subscribed(self, item: Subscribed) -> Subscribed:
        since = item.since - self._delay
        if not self._listening:
            self._listening = True
            self._trail.begin(since)
        return Subscribed(item.subscriptions, since)

    def _begin(self, lost: Lost, began: datetime) -> list[Interruption]:
        begun = self._openings.begin(lost.cause, lost.subscriptions, began, lost.detail)
        return [begun] if begun else []

    def _end(self, cause: Cause, ended: datetime) -> list[Interruption]:
        over = self._openings.end(cause, ended)
        return [over] if over else []
