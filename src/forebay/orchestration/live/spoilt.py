"""Events that could not be read are missing too: they become an interruption of the symbols that they were about."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from forebay.model.live import Cause, Cluster, Interruption, Subscription
from forebay.vendor.stream.channels import CHANNELS
from forebay.vendor.stream.decode import BadEvent
from forebay.vendor.stream.tickers import Tickers

_EVENT = re.compile(r'"ev"\s*:\s*"(\w+)"[^{}]*?"(?:sym|pair)"\s*:\s*"([^"\\]+)"')
_MOST = 200
"""Symbols that are told apart; of more all of them are asked for."""
_TOGETHER = timedelta(minutes=1)
"""Events so close to each other are one interruption."""


class Spoilt:
    """Collects them. Not for several threads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tickers = Tickers(cluster)
        self._lost: set[Subscription] = set()
        self._all = False
        self._count = 0
        self._began: datetime | None = None
        self._last: datetime | None = None

    def add(self, events: Sequence[BadEvent], heard_until: datetime | None, received: datetime) -> None:
        """These came at `received`; everything before `heard_until` was heard."""
        self._count += len(events)
        self._began = self._began or heard_until or received
        self._last = received
        for event in events:
            found = list(self._subscriptions(event.text))
            self._lost.update(found)
            one = event.text.startswith("{") and event.text.endswith("}")  # a frame that is cut off tells of some only
            self._all |= not (found and one) or len(self._lost) > _MOST

    def take(self, now: datetime, wanted: Collection[Subscription], *, over: bool = False) -> Interruption | None:
        """The interruption that they are, once they lie a minute back or all is `over`; None while there is none."""
        if self._began is None or self._last is None or not (over or now - self._began >= _TOGETHER):
            return None
        lost = tuple(sorted(wanted if self._all else self._lost))
        detail = f"{self._count} events are not of their form"
        found = Interruption(self._cluster, lost, self._began, self._last, Cause.MALFORMED, detail)
        self._lost, self._all, self._count, self._began, self._last = set(), False, 0, None, None
        return found

    def _subscriptions(self, text: str) -> Iterable[Subscription]:
        for channel, symbol in _EVENT.findall(text):
            if channel in CHANNELS[self._cluster]:
                try:
                    yield Subscription(channel, self._tickers[symbol])
                except ValueError:
                    continue
