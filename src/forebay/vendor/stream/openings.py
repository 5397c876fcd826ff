"""Interruptions under way: each is told when it begins and when it ends, and counted once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from forebay.model.live import Cause, Cluster, Interruption, Subscription
from forebay.vendor.stream.heard import Health


class Openings:
    """Of one session. At most one of a cause lasts at a time; another one of it meanwhile is part of it."""

    def __init__(self, cluster: Cluster, health: Health) -> None:
        self._cluster = cluster
        self._health = health
        self._open: dict[Cause, Interruption] = {}

    def begin(
        self, cause: Cause, subscriptions: tuple[Subscription, ...], began: datetime, detail: str
    ) -> Interruption | None:
        """What to tell; None when one of that cause lasts."""
        if cause in self._open:
            return None
        begun = Interruption(self._cluster, subscriptions, began, None, cause, detail)
        self._open[cause] = begun
        self._health.interruptions += 1
        return begun

    def end(self, cause: Cause, ended: datetime) -> Interruption | None:
        """What to tell; None when there is none of that cause."""
        begun = self._open.pop(cause, None)
        if begun is None:
            return None
        ended = max(begun.began, ended)
        self._health.gap_seconds += (ended - begun.began).total_seconds()
        return replace(begun, ended=ended)

    def __bool__(self) -> bool:
        return bool(self._open)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Of those that last."""
        return tuple(self._open)
