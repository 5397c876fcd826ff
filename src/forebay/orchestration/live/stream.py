"""One cluster's stream in this process: frames to the sinks, interruptions to the seam, its health to the ledger."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from structlog import get_logger

from forebay import failpoints
from forebay.clock import Clock
from forebay.errors import ForebayError, LeaseLost, StoreError, TemporaryError
from forebay.ledger.streams import RENEW, Streams
from forebay.model.live import WILDCARD, Cause, Cluster, Interruption, StreamHealth, StreamState, Subscription
from forebay.model.message import BarMessage, Message
from forebay.orchestration.live.bad_events import BadEvents
from forebay.orchestration.live.books import Books
from forebay.orchestration.live.outlet import Outlet
from forebay.orchestration.live.seam import Seam
from forebay.orchestration.live.spoilt import Spoilt
from forebay.orchestration.live.subscribing import minutes_missed
from forebay.vendor.stream.channels import Kind
from forebay.vendor.stream.heard import Frame, Refused, State, Subscribed, Waiting
from forebay.vendor.stream.session import Session

log = get_logger()

_MOST_SEEN = 50_000
"""Symbols of a wildcard that are remembered for a refill."""
_DRAIN = 30.0
"""Seconds that each sink has for what waits, when the stream ends."""
_LOOKS, _PAUSE = 500, 0.01
"""Looks at the session's queue at the end, and seconds between two: five for what is in it."""
_LOOK = 1.0
"""Seconds between two looks for interruptions that are over."""
_STATES = {
    State.CONNECTING: StreamState.CONNECTING,
    State.LIVE: StreamState.STREAMING,
    State.WAITING: StreamState.WAITING,
    State.ENDED: StreamState.STOPPED,
}
_KINDS = {"1m": Kind.MINUTES, "1s": Kind.SECONDS}


@dataclass
class LiveStream:
    """Made once for each run; its lease must be taken before."""

    cluster: Cluster
    worker: str
    session: Session
    wanted: set[Subscription]
    """What the session was made with."""
    outlets: Sequence[Outlet]
    seam: Seam
    streams: Streams
    bad: BadEvents
    clock: Clock
    asked: set[Subscription] = field(init=False)
    """What whoever made it, or changed it, wants; `wanted` without what the vendor refused."""
    refused: list[Refused] = field(default_factory=list)
    """What the vendor does not give."""
    _seen: defaultdict[Kind, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _books: Books = field(default_factory=Books)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _since: datetime | None = None
    """When the vendor granted something last."""
    _listens: bool = False
    """Whether everything had its answer."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    """Something happened that the ledger should know at once."""

    def __post_init__(self) -> None:
        self.asked, self._awaited = {*self.wanted}, {*self.wanted}
        self._added = set[Subscription]()
        self._spoilt = Spoilt(self.cluster)

    def stop(self) -> None:
        """End in order: what came is sent on. For the loop's own thread, such as a signal handler of asyncio."""
        self._stopping.set()

    def change(self, wanted: Collection[Subscription]) -> None:
        """Subscribe to what is new among these, and hear no more of the others. Raises UsageError."""
        added, gone = sorted({*wanted} - self.asked), sorted(self.asked - {*wanted})
        if added:
            self.session.add(added)
        if gone:
            self.session.remove(gone)
        self.asked = {*wanted}
        self.wanted = (self.wanted | {*added}) - {*gone}
        self._added = (self._added | {*added}) - {*gone}
        self._be_answered(gone)

    async def run(self) -> bool:
        """Stream until `stop`; whether every sink has acknowledged all that came.

        Raises WrongKey, NotEntitled, UsageError for what the vendor refuses altogether, LeaseLost when another process
        took the cluster, SinkRefused for a sink that cannot go on. Sinks are drained then, too.
        """
        for outlet in self.outlets:
            outlet.start()
        parts = (self._hear(), self._books.keep(), self._make_good(), self._stopping.wait())
        tasks = [asyncio.ensure_future(part) for part in parts]
        noting = asyncio.ensure_future(self._note_health())
        try:
            done, _ = await asyncio.wait([*tasks, noting], return_when=asyncio.FIRST_COMPLETED)
            await self._catch_up(tasks[0])
        finally:
            self._stopping.set()
            drained = await self._end(tasks, noting)
        for task in done:
            task.result()
        return drained

    def health(self) -> StreamHealth:
        """How it is now."""
        session = self.session.health
        heard = [outlet.heard for outlet in self.outlets if not outlet.best_effort]
        known = all(heard) and self._books.kept  # what the ledger does not know yet was not heard either
        counts = {"messages": session.messages, "bad": session.bad, "unknown": session.unknown}
        counts |= {"shed_frames": session.shed_frames, "queued_frames": session.queued_frames}
        for outlet in self.outlets:
            flow = outlet.flow
            counts |= {f"{outlet.name}_sent": flow.sent, f"{outlet.name}_waiting": flow.waiting}
            counts |= {f"{outlet.name}_lost": flow.lost} if outlet.best_effort else {}
        return StreamHealth(
            self.cluster,
            self.worker,
            _STATES[session.state],
            tuple(sorted(self.wanted)),
            heard_until=min((each for each in heard if each), default=None) if known else None,
            last_message=session.last_message,
            lag=session.lag,
            reconnects=session.reconnects,
            gap_seconds=session.gap_seconds,
            counts=counts,
            error=session.error or next((o.flow.trouble for o in self.outlets if o.flow.trouble), None),
        )

    async def _hear(self) -> None:
        async for heard in self.session.run():
            if not isinstance(heard, Frame):
                self._news.set()
            match heard:
                case Frame():
                    await self._take(heard)
                case Interruption():
                    self._books.add(partial(self.seam.hear, heard))
                case Subscribed():
                    self._be_granted(heard)
                case Refused():
                    self._be_refused(heard)
                case Waiting():
                    name, wait = self.cluster.value, round(heard.seconds, 1)
                    log.warning("stream_waits", cluster=name, seconds=wait, detail=heard.detail)

    async def _take(self, frame: Frame) -> None:
        messages = frame.decoded.messages
        heard = self.session.heard_until()
        if frame.decoded.bad:
            self.bad.add(frame.decoded.bad)
            self._spoilt.add(frame.decoded.bad, heard, frame.received)
        self._note_spoilt(frame.received)
        self._remember(messages)
        self.seam.told(messages)
        for outlet in self.outlets:
            if outlet.put(messages, heard, wait=False) is None:
                await asyncio.to_thread(outlet.put, messages, heard)
        failpoints.reach("stream.heard")

    def _note_spoilt(self, now: datetime, *, over: bool = False) -> None:
        lost = self._spoilt.take(now, self.wanted, over=over)
        if lost is not None:
            self._books.add(partial(self.seam.hear, lost))

    def _remember(self, messages: Sequence[Message]) -> None:
        """Which symbols a wildcard brings."""
        if not any(each.symbol == WILDCARD for each in self.wanted):
            return
        for message in messages:
            if isinstance(message, BarMessage):
                seen = self._seen[_KINDS[message.timeframe]]
                if message.symbol in seen or len(seen) < _MOST_SEEN:
                    seen[message.symbol] += 1

    def _be_granted(self, granted: Subscribed) -> None:
        fresh, self._since = self._added.intersection(granted.subscriptions), granted.since
        self._added -= fresh
        began, missed = minutes_missed(self.cluster, fresh, granted.since)
        if missed:
            lost = Interruption(self.cluster, tuple(missed), began, granted.since, Cause.STOPPED, "not asked for yet")
            self._books.add(partial(self.seam.hear, lost))
        self._be_answered(granted.subscriptions)

    def _be_answered(self, subscriptions: Sequence[Subscription]) -> None:
        """What was missed before this process is over once the vendor has answered to everything."""
        self._awaited.difference_update(subscriptions)
        if self._since is not None and not self._awaited and not self._listens:
            self._listens = True
            self._books.add(partial(self.seam.listening, self._since))

    def _be_refused(self, refused: Refused) -> None:
        self.refused.append(refused)
        asked = ", ".join(map(str, refused.subscriptions))
        log.warning("stream_refused", cluster=self.cluster.value, subscriptions=asked, error=str(refused.error))
        self.wanted.difference_update(refused.subscriptions)
        self._be_answered(refused.subscriptions)

    async def _note_health(self) -> None:
        while True:
            try:
                await self._keep_bad_events()
                if not await asyncio.to_thread(self.streams.note, self.health()):
                    raise LeaseLost(f"another process streams {self.cluster} now", remedy="see `forebay stream status`")
            except TemporaryError as error:
                log.warning("ledger_waits", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), RENEW)
            self._news.clear()

    async def _keep_bad_events(self) -> None:
        try:
            await asyncio.to_thread(self.bad.write)
        except StoreError as error:  # a full disk: they are held, and no reason to hear nothing
            log.warning("quarantine_waits", error=str(error), remedy=error.remedy)

    async def _make_good(self) -> None:
        while True:
            try:
                seen = {kind: came.copy() for kind, came in self._seen.items()}  # it goes on to grow meanwhile
                await asyncio.to_thread(self.seam.make_good, seen, self._stopping.is_set)
            except TemporaryError as error:
                log.warning("ledger_waits", error=str(error))
            await asyncio.sleep(_LOOK)

    async def _catch_up(self, hearing: asyncio.Future[Any]) -> None:
        """Hear what is off the socket already; what is not heard in time is an interruption for the next process."""
        for _ in range(_LOOKS):
            if hearing.done() or not self.session.health.queued_frames:
                return
            await asyncio.sleep(_PAUSE)

    async def _end(self, tasks: Sequence[asyncio.Future[Any]], noting: asyncio.Future[Any]) -> bool:
        """Stop hearing, drain the sinks, note what is heard, let go of the cluster, which is held until then."""
        await _cancel(tasks)
        self._note_spoilt(self.clock.now(), over=True)
        await self._quietly(self._books.finish())
        drained = [await asyncio.to_thread(outlet.close, _DRAIN) for outlet in self.outlets]
        await _cancel([noting])
        await self._keep_bad_events()
        await self._quietly(asyncio.to_thread(self.streams.leave, self.health()))
        return all(done or outlet.best_effort for done, outlet in zip(drained, self.outlets, strict=True))

    async def _quietly(self, step: Coroutine[Any, Any, Any]) -> None:
        """At the end nobody can wait for a database: what it would have said is found out by the next process."""
        with suppress(ForebayError):
            await step


async def _cancel(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
