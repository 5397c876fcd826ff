"""The replay: sends each frame when its time has come, and moves the clock with what was sent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import itemgetter

from websockets.exceptions import ConnectionClosed

from forebay.model.live import Cluster
from forebay.sandbox.bars import MINUTE
from forebay.sandbox.faults import Fault
from forebay.sandbox.market import Market
from forebay.sandbox.stream.clock import Pace, ReplayClock
from forebay.sandbox.stream.endings import is_due, strike
from forebay.sandbox.stream.feed import TICK, Feed, Frame, Selection
from forebay.sandbox.stream.listener import SLOW, Audience, Listener

DELAY = timedelta(minutes=15)
"""How far the delayed host is behind."""
_DELAY = int(DELAY.total_seconds()) * 1_000_000_000
_BREATH = 0.005
"""Seconds between two looks at a clock that has not come far enough, or at a reader that has not read."""

Place = tuple[Cluster, bool]
"""A cluster, and whether on the delayed host."""
Plan = dict[Place, dict[Selection, list[Listener]]]
Timeline = list[tuple[int, list[tuple[Frame, list[Listener]]]]]
"""By time (ns): the frames of that moment, each with whom it is for."""


@dataclass(slots=True)
class Sent:
    """What the replay has sent, to all listeners together."""

    frames: int = 0
    events: int = 0
    bytes: int = 0


class Replay:
    """Runs in the server's loop. `until` (ns, whole ticks) is where it stands still; None: nowhere.

    A reader with more than `buffer` bytes waiting is killed. Where readers set the pace, one is killed that has
    not taken all of a minute within `patience` seconds.
    """

    def __init__(
        self,
        market: Market,
        audience: Audience,
        clock: ReplayClock,
        pace: Pace,
        *,
        until: int | None,
        buffer: int,
        patience: float,
        rules: Sequence[Fault] = (),
    ) -> None:
        self._feeds = {cluster: Feed(market, cluster, rules) for cluster in Cluster}
        self._audience = audience
        self._clock = clock
        self._pace = pace
        self._until = until
        self._buffer = buffer
        self._patience = patience
        self._done = clock.nanos
        """Everything that goes out up to here (ns) was sent."""
        self._begun = False
        self.sent = Sent()

    async def run(self) -> None:
        """Replay until it is cancelled."""
        while True:
            self._audience.changed.clear()
            plan = self._plan()
            if plan:
                self._begun = True
                await self._piece(plan)
            else:
                await self._idle()

    def _plan(self) -> Plan:
        plan: Plan = defaultdict(lambda: defaultdict(list))
        for listener in self._audience:
            if listener.takes:
                plan[listener.cluster, listener.delayed][listener.selection].append(listener)
        return plan

    async def _idle(self) -> None:
        """Nobody is subscribed. At full speed it waits for the first one."""
        self._pace.rebase(self._clock.nanos)
        while not self._audience.changed.is_set():
            if self._begun or not self._pace.waits_for_readers or self._pace.hold is not None:
                self._move(self._pace.idle_limit())
                self._done = max(self._done, self._clock.nanos)
            await asyncio.sleep(_BREATH)
        self._pace.rebase(self._clock.nanos)

    def _move(self, moment: int) -> None:
        self._clock.move(moment if self._until is None else min(moment, self._until))

    async def _piece(self, plan: Plan) -> None:
        """What is left of the current minute, unless the audience changes before."""
        low = self._done + 1
        high = (low // MINUTE + 1) * MINUTE
        if self._until is not None:
            high = min(high, self._until + 1)
        listeners = [one for selections in plan.values() for group in selections.values() for one in group]
        if low < high:
            timeline = await asyncio.to_thread(self._timeline, plan, low, high)
            self._pace.forgive(self._clock.nanos)
            for moment, frames in timeline:
                if not await self._reach(moment):
                    return
                await self._send(frames)
                self._strike(listeners, moment)
                self._done = max(self._done, moment)
                self._move(moment)
        if await self._reach(high) and low < high:
            self._strike(listeners, high - TICK)
            await self._in_step(listeners)
            self._done = high - 1
            self._move(high - TICK)

    def _timeline(self, plan: Plan, low: int, high: int) -> Timeline:
        found = [
            (frame.out + behind, frame, plan[place][selection])
            for place in plan
            for behind in [_DELAY if place[1] else 0]
            for selection, frames in self._feeds[place[0]].frames(low - behind, high - behind, plan[place]).items()
            for frame in frames
        ]
        found.sort(key=itemgetter(0))
        return [(out, [(one[1], one[2]) for one in group]) for out, group in groupby(found, itemgetter(0))]

    async def _reach(self, moment: int) -> bool:
        """Wait until `moment` (ns) may be replayed; false when the audience changes before."""
        while not self._audience.changed.is_set():
            limit = self._pace.limit()
            if limit >= moment and (self._until is None or moment <= self._until):
                return True
            self._move(min(limit, moment) // TICK * TICK)
            await asyncio.sleep(_BREATH)
        return False

    async def _send(self, frames: list[tuple[Frame, list[Listener]]]) -> None:
        for frame, listeners in frames:
            for listener in listeners:
                if listener.takes:
                    listener.send(frame.payload, frame.events)
                    self._count(frame)
        for listener in self._readers(frames):
            await self._let_read(listener)
        await asyncio.sleep(0)

    def _strike(self, listeners: list[Listener], moment: int) -> None:
        """End those whose rule says so."""
        for listener in listeners:
            if is_due(listener, moment):
                strike(listener)
                self._audience.note()

    def _count(self, frame: Frame) -> None:
        self.sent.frames += 1
        self.sent.events += frame.events
        self.sent.bytes += len(frame.payload)

    def _readers(self, frames: list[tuple[Frame, list[Listener]]]) -> Iterator[Listener]:
        return iter({listener for _, listeners in frames for listener in listeners if listener.takes})

    async def _let_read(self, listener: Listener) -> None:
        """Wait for a reader where readers set the pace; end one that is too far behind."""
        if not self._pace.waits_for_readers:
            if listener.waiting > self._buffer:
                listener.dismiss(SLOW)
        elif listener.waiting > self._buffer // 4:
            await self._catch_up(listener)

    async def _in_step(self, listeners: list[Listener]) -> None:
        """Where readers set the pace, nobody is left more than a minute behind."""
        if self._pace.waits_for_readers:
            await asyncio.gather(*(self._catch_up(listener) for listener in listeners if listener.takes))

    async def _catch_up(self, listener: Listener) -> None:
        """Wait until a reader has taken everything so far; it shows by answering a ping."""
        try:
            async with asyncio.timeout(self._patience):
                await (await listener.socket.ping())
        except TimeoutError:
            listener.dismiss(SLOW)
        except ConnectionClosed:
            return
