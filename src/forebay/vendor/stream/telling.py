"""From what came out of the queue to what is told: frames decoded, interruptions with their bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from forebay.model.live import Cause, Cluster, Interruption, Subscription
from forebay.vendor.stream.decode import decode
from forebay.vendor.stream.heard import Frame, Health, Heard, Refused, Subscribed, Waiting
from forebay.vendor.stream.limits import SessionLimits
from forebay.vendor.stream.openings import Openings
from forebay.vendor.stream.queue import Taken
from forebay.vendor.stream.trail import Trail

Wanted = Callable[[], tuple[Subscription, ...]]
_CONTINUED = frozenset({Cause.SHED, Cause.BEHIND})
"""Causes for which the connection need not have ended."""


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
        self._cluster = cluster
        self._wanted = wanted
        self._limits = limits
        self._health = health
        self._delay = timedelta(seconds=limits.delay)
        self._trail = Trail(limits.delay, limits.overlap)
        self._openings = Openings(cluster, health)
        self._listening = False

    def heard_until(self) -> datetime | None:
        """The last moment of which everything was told, UTC."""
        return self._trail.until()

    def tell(self, item: Any) -> Iterator[Heard]:
        """What there is to say of the next item of the queue."""
        if isinstance(item, Taken):
            yield from self._frame(item)
        elif isinstance(item, Lost):
            yield from self._lost(item)
        elif isinstance(item, Back):
            yield from self._back(item)
        elif isinstance(item, Subscribed):
            yield self._subscribed(item)
        elif isinstance(item, Refused | Waiting):
            yield item

    def _frame(self, taken: Taken) -> Iterator[Heard]:
        health = self._health
        decoded = decode(self._cluster, taken.data)
        health.frames += 1
        health.bytes += len(taken.data)
        health.messages += len(decoded.messages)
        health.bad += len(decoded.bad)
        health.unknown += decoded.unknown
        if decoded.messages:
            health.last_message = taken.received
            yield from self._follow(taken, decoded.messages)
        if decoded.messages or decoded.bad or decoded.unknown:
            yield Frame(decoded, taken.received, len(taken.data))

    def _follow(self, taken: Taken, messages: list[Any]) -> Iterator[Interruption]:
        """Late is not lost, but what is very late may be incomplete."""
        until = self._trail.until()
        self._trail.saw(messages, taken.received)
        lag = self._health.lag = self._trail.lag
        if lag is None or until is None:
            return
        if lag > self._limits.lag:
            yield from self._begin(Lost(Cause.BEHIND, self._wanted(), f"events come {lag:.0f} s late"), until)
        elif 2 * lag <= self._limits.lag:
            yield from self._end(Cause.BEHIND, taken.received - self._delay)

    def _lost(self, lost: Lost) -> Iterator[Interruption]:
        until, ended = self._trail.until(), lost.cause not in _CONTINUED
        if ended:
            self._listening = False
            if not _CONTINUED.issuperset(self._openings.causes):
                return  # a connection that ends before all is granted again is part of what lasts
        if until is not None:
            yield from self._begin(lost, until)

    def _back(self, back: Back) -> Iterator[Interruption]:
        over = [one for one in self._openings.causes if (one is Cause.SHED) is back.shedding]
        for cause in over:
            yield from self._end(cause, back.at - self._delay)

    def _subscribed(self, item: Subscribed) -> Subscribed:
        since = item.since - self._delay
        if not self._listening:
            self._listening = True
            self._trail.begin(since)
        return Subscribed(item.subscriptions, since)

    def _begin(self, lost: Lost, began: datetime) -> Iterator[Interruption]:
        begun = self._openings.begin(lost.cause, lost.subscriptions, began, lost.detail)
        if begun:
            yield begun

    def _end(self, cause: Cause, ended: datetime) -> Iterator[Interruption]:
        over = self._openings.end(cause, ended)
        if over:
            yield over
