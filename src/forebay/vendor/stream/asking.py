"""What is asked for, what the vendor has granted, and what it has refused: only what it says counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from forebay.model.live import Cluster, Subscription
from forebay.vendor.stream.channels import wire_name
from forebay.vendor.stream.events import Status
from forebay.vendor.stream.heard import Health

_AT_ONCE = 500
"""Subscriptions of one request."""
_GRANTED, _DROPPED = "subscribed to: ", "unsubscribed to: "


@dataclass(slots=True)
class Request:
    """Subscriptions of one channel, so that a refusal, which names none, is known to be of it."""

    asked: dict[str, Subscription]
    """By the vendor's spelling."""
    granted: list[Subscription] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """The vendor's words."""

    @property
    def open(self) -> tuple[Subscription, ...]:
        """Those without an answer."""
        granted = set(self.granted)
        return tuple(one for one in self.asked.values() if one not in granted)

    @property
    def answered(self) -> bool:
        """Whether as many answers came as were asked for."""
        return len(self.granted) + len(self.refusals) >= len(self.asked)


class Asking:
    """The subscriptions of one session, over all of its connections."""

    def __init__(self, cluster: Cluster, subscriptions: Iterable[Subscription], health: Health) -> None:
        self.cluster = cluster
        """Whose they are."""
        self._health = health
        self._wanted = dict.fromkeys(subscriptions)
        self._active: dict[Subscription, None] = {}
        self._proven: set[Subscription] = set()
        self._refused: set[Subscription] = set()
        self._names: dict[str, Subscription] = {}
        self._fresh: list[Subscription] = []
        self._leaving: list[str] = []
        self._request: Request | None = None
        self._sign = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def wanted(self) -> tuple[Subscription, ...]:
        """What is asked for and not refused, in the order asked."""
        return tuple(one for one in self._wanted if one not in self._refused)

    @property
    def active(self) -> tuple[Subscription, ...]:
        """What the present connection has been granted."""
        return tuple(self._active)

    def add(self, subscriptions: Iterable[Subscription]) -> None:
        """Want these, too; those refused before are asked for once more."""
        added = dict.fromkeys(subscriptions)
        self._wanted |= added
        self._refused -= set(added)
        self._changed.set()

    def remove(self, subscriptions: Iterable[Subscription]) -> None:
        """Want these no longer."""
        for one in subscriptions:
            self._wanted.pop(one, None)
            self._refused.discard(one)
            self._proven.discard(one)
            name = wire_name(self.cluster, one)
            self._names.pop(name, None)
            if one in self._active or self._withdrawn(name):
                self._active.pop(one, None)
                self._leaving.append(name)
        self._changed.set()

    def _withdrawn(self, name: str) -> bool:
        """Whether it was under request; its answer is not waited for any more."""
        if self._request is None or self._request.asked.pop(name, None) is None:
            return False
        self._sign.set()
        return True

    def start_anew(self) -> None:
        """There is a new connection: it has been granted nothing."""
        self._active.clear()
        self._fresh.clear()
        self._leaving.clear()
        self._request = None
        self._changed.set()

    async def changed(self) -> None:
        """Return when there may be something to ask for."""
        await self._changed.wait()
        self._changed.clear()

    def leaving(self) -> list[str]:
        """Those to give up now, as the vendor spells them; each is told once."""
        names, self._leaving = self._leaving, []
        return names

    def next_request(self) -> Request | None:
        """The next subscriptions to ask for, all of one channel; None when everything has its answer."""
        missing = [one for one in self.wanted if one not in self._active]
        if not missing:
            return None
        channel = missing[0].channel
        chosen = [one for one in missing if one.channel == channel][:_AT_ONCE]
        self._request = Request({wire_name(self.cluster, one): one for one in chosen})
        self._names |= self._request.asked
        return self._request

    async def answers(self, request: Request, seconds: float, quiet: float) -> None:
        """Return when all is answered, or none came for `seconds`; after a refusal, for `quiet` seconds."""
        while not request.answered:
            self._sign.clear()
            try:
                async with asyncio.timeout(quiet if request.refusals else seconds):
                    await self._sign.wait()
            except TimeoutError:
                break
        self._request = None

    def hear(self, statuses: Sequence[Status]) -> None:
        """Take down what the server says of subscriptions."""
        for status in statuses:
            if status.status == "error":
                self._refuse(status.message)
            elif status.status == "success":
                self._grant(status.message)

    def news(self) -> tuple[Subscription, ...]:
        """What was granted since this was asked last: one may be granted late, after it was given up."""
        fresh = tuple(self._fresh)
        self._fresh.clear()
        return fresh

    def refuse(self, subscriptions: Iterable[Subscription]) -> None:
        """Do not ask for these again."""
        self._refused |= set(subscriptions)

    def was_granted(self, subscription: Subscription) -> bool:
        """Whether an earlier connection had it."""
        return subscription in self._proven

    def _grant(self, message: str) -> None:
        if message.startswith(_DROPPED):
            return
        one = self._names.get(message.removeprefix(_GRANTED).strip())
        if one is None or one in self._active or one not in self._wanted:
            self._health.unasked += 1
            return
        self._active[one] = None
        self._proven.add(one)
        self._refused.discard(one)
        self._fresh.append(one)
        if self._request and one in self._request.asked.values():
            self._request.granted.append(one)
            self._sign.set()

    def _refuse(self, message: str) -> None:
        if self._request is None:
            self._health.unasked += 1
            return
        self._request.refusals.append(message)
        self._sign.set()
