"""A session with one cluster of the vendor's stream: for as long as it runs, whatever becomes of its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime
from typing import NoReturn

from forebay.clock import Clock
from forebay.errors import UsageError
from forebay.model.live import Cluster, Subscription
from forebay.stores.backoff import Jitter
from forebay.vendor.stream.asking import Asking
from forebay.vendor.stream.channels import check_subscriptions
from forebay.vendor.stream.connection import checked_url
from forebay.vendor.stream.heard import Health, Heard, State
from forebay.vendor.stream.keeper import Keeper
from forebay.vendor.stream.limits import SessionLimits
from forebay.vendor.stream.queue import FrameQueue
from forebay.vendor.stream.telling import Telling

_TURN = 128 << 10
"""Bytes decoded before the reader of the socket gets its turn."""

Pause = Callable[[float], Awaitable[None]]


def _always() -> bool:
    return True


class Session:
    """One cluster's stream. Use it on one event loop: `async for heard in session.run()`.

    `clock` tells the time of day, `random` a number from 0 to 1, `pause` waits between connections; `open_now` says
    whether the market is open, so that silence means something. Raises UsageError, before anything is sent, for an
    address, a channel or a symbol that cannot be.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        cluster: Cluster,
        subscriptions: Iterable[Subscription],
        *,
        clock: Clock,
        random: Jitter,
        limits: SessionLimits | None = None,
        open_now: Callable[[], bool] = _always,
        pause: Pause = asyncio.sleep,
    ) -> None:
        asked = tuple(dict.fromkeys(subscriptions))
        check_subscriptions(cluster, asked)
        if not asked:
            raise UsageError("a stream of nothing", remedy="Name at least one subscription, such as AM.AAPL.")
        self._cluster = cluster
        self._limits = limits or SessionLimits()
        self.health = Health()
        """How it is doing."""
        self._asking = Asking(cluster, asked, self.health)
        self._queue = FrameQueue(self._limits.queue, self._limits.overflow, self.health)
        self._telling = Telling(cluster, lambda: self._asking.wanted, self._limits, self.health)
        self._keeper = Keeper(
            f"{checked_url(url)}/{cluster}",
            api_key,
            self._asking,
            self._queue,
            self.health,
            clock=clock,
            random=random,
            limits=self._limits,
            open_now=open_now,
            pause=pause,
        )
        self._ran = False

    async def run(self) -> AsyncIterator[Heard]:
        """All that is heard, for ever; close the iterator (`contextlib.aclosing`) or cancel the task to end it.

        A connection that ends is an Interruption and no error. Raises WrongKey, NotEntitled or UsageError where
        another attempt cannot help: the key, the plan, or every subscription was refused.
        """
        if self._ran:
            raise UsageError("a session runs once", remedy="Make a new one.")
        self._ran, turn, queue, tell = True, _TURN, self._queue, self._telling.tell
        keeping = asyncio.create_task(self._keeper.keep())
        keeping.add_done_callback(self._over)
        try:
            while (item := queue.pop() if queue else await queue.take()) is not None:
                for heard in tell(item):
                    yield heard
                if self.health.bytes >= turn:
                    turn = self.health.bytes + _TURN
                    await asyncio.sleep(0)  # a full queue is taken without waiting once; the socket must be read
            await keeping
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
            self.health.state = State.ENDED

    def _over(self, keeping: asyncio.Task[NoReturn]) -> None:
        """Whoever listens learns of it after all that came before; whoever has stopped listening, not at all."""
        if not keeping.cancelled():
            keeping.exception()
        self._queue.tell(None)

    def add(self, subscriptions: Iterable[Subscription]) -> None:
        """Subscribe to these, too: `Subscribed` or `Refused` follows. Raises UsageError for what cannot be."""
        added = tuple(subscriptions)
        check_subscriptions(self._cluster, {*self._asking.wanted, *added})
        self._asking.add(added)

    def remove(self, subscriptions: Iterable[Subscription]) -> None:
        """Hear no more of these; what is under way may still come."""
        self._asking.remove(subscriptions)

    @property
    def active(self) -> tuple[Subscription, ...]:
        """What the vendor has acknowledged on the present connection."""
        return self._asking.active

    def heard_until(self) -> datetime | None:
        """The last moment (UTC) of which everything was heard and handed on; None before the first acknowledgement."""
        return self._telling.heard_until()
