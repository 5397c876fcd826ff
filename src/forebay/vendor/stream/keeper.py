"""Keeps a session connected: connects, asks, reads, watches, and does it all again when the connection ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from forebay.clock import Clock
from forebay.errors import ForebayError, NotEntitled, WrongKey
from forebay.model.live import Cause
from forebay.stores.backoff import Jitter
from forebay.vendor.stream.asking import Asking
from forebay.vendor.stream.connection import Connection, Ended
from forebay.vendor.stream.handshake import authenticate
from forebay.vendor.stream.heard import Health, State, Waiting
from forebay.vendor.stream.intake import Intake
from forebay.vendor.stream.limits import SessionLimits
from forebay.vendor.stream.queue import FrameQueue
from forebay.vendor.stream.silence import Silence
from forebay.vendor.stream.subscribing import Subscribing
from forebay.vendor.stream.telling import Back, Lost
from forebay.vendor.stream.waits import Waits

_REFUSALS = 3
"""Times in a row that a key which was good is refused before that is believed."""
_LOOK = 1.0
"""Seconds between two looks at what needs no frame to change."""


class Keeper:
    """What goes on between one session and the vendor. Everything it finds goes into the queue."""

    def __init__(
        self,
        address: str,
        api_key: str,
        asking: Asking,
        queue: FrameQueue,
        health: Health,
        *,
        clock: Clock,
        random: Jitter,
        limits: SessionLimits,
        open_now: Callable[[], bool],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._address = address
        self._api_key = api_key
        self._asking = asking
        self._queue = queue
        self._health = health
        self._clock = clock
        self._limits = limits
        self._pause = pause
        self._waits = Waits(limits, random)
        self._silence = Silence(limits.silence, open_now)
        self._intake = Intake(queue, asking, health)
        self._subscribing = Subscribing(asking, queue, limits)
        self._refusals = 0
        self._live_since: float | None = None

    async def keep(self) -> NoReturn:
        """For ever. Raises WrongKey, NotEntitled or UsageError where another attempt cannot help."""
        while True:
            self._live_since = None
            self._asking.start_anew()
            self._health.state = State.CONNECTING
            ended = await self._connect()
            seconds = self._waits.after(ended.cause, self._lasted())
            self._lose(ended, seconds)
            await self._pause(seconds)

    async def _connect(self) -> Ended:
        """One connection from its beginning to its end."""
        try:
            connection = await Connection.open(self._address, self._limits)
        except Ended as ended:
            return ended
        try:
            await authenticate(connection, self._asking.cluster, self._api_key, self._limits.connect)
            self._refusals = 0
            await self._hold(connection)
        except Ended as ended:
            return ended
        except (WrongKey, NotEntitled) as error:
            return self._refused(error)
        finally:
            await connection.close()

    def _refused(self, error: ForebayError) -> Ended:
        self._refusals += 1
        if not self._health.connects or self._refusals >= _REFUSALS or not self._asking.wanted:
            raise error
        return Ended(Cause.CLOSED, str(error))

    async def _hold(self, connection: Connection) -> NoReturn:
        """Listen. Raises Ended, or the refusal of everything that was asked for."""
        self._silence.begin(_now())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._subscribing.run(connection, self._live))
                group.create_task(self._watch())
                await self._read(connection)
        except BaseExceptionGroup as several:
            raise _weightiest(several) from None

    async def _read(self, connection: Connection) -> NoReturn:
        receive, take, now = connection.receive, self._intake.take, self._clock.now
        self._queue.paused = False
        while True:
            waiting = take(connection, await receive(), now())
            if waiting:
                await self._queue.put(waiting)

    async def _watch(self) -> None:
        look = min(_LOOK, self._silence.look_every)
        while True:
            await asyncio.sleep(look)
            self._intake.look(self._clock.now())
            if self._queue.paused or not self._asking.active:
                self._silence.begin(_now())  # nobody listens, or to nothing
            quiet = self._silence.too_long(_now(), self._intake.events)
            if quiet is not None:
                raise Ended(Cause.SILENT, f"no event in {quiet:.0f} s of an open session")

    def _live(self) -> None:
        """Everything that was asked for has its answer; told once of a connection."""
        if self._live_since is not None:
            return
        self._live_since = _now()
        health = self._health
        health.reconnects += health.connects > 0
        health.connects += 1
        health.state, health.error = State.LIVE, ""
        self._queue.tell(Back(self._clock.now()))

    def _lose(self, ended: Ended, seconds: float) -> None:
        self._health.state, self._health.error = State.WAITING, ended.detail
        self._queue.tell(Lost(ended.cause, self._asking.active, ended.detail))
        self._queue.tell(Waiting(ended.detail, seconds))

    def _lasted(self) -> float:
        return 0.0 if self._live_since is None else _now() - self._live_since


def _now() -> float:
    """A steady clock, in seconds: for how long, never for when."""
    return asyncio.get_running_loop().time()


def _weightiest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one of several that explains the others: what nobody foresaw, then a refusal, then the end."""
    found = [_weightiest(one) if isinstance(one, BaseExceptionGroup) else one for one in group.exceptions]
    return min(found, key=lambda error: (isinstance(error, Ended), isinstance(error, ForebayError)))
