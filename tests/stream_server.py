"""A real WebSocket server whose connections follow scripts, and an ear for what a session tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from websockets.asyncio.server import ServerConnection, serve

from forebay.clock import Clock
from forebay.model.live import Cluster, Interruption, Subscription
from forebay.testing import FakeClock
from forebay.vendor.stream.heard import Frame, Heard
from forebay.vendor.stream.limits import SessionLimits
from forebay.vendor.stream.session import Session

Script = Callable[["Peer"], Awaitable[None]]
KEY = "the-key"
NOW = datetime(2024, 3, 8, 15, 0, tzinfo=UTC)
MILLIS = int(NOW.timestamp() * 1000)
QUICK = SessionLimits(connect=5, acknowledge=5, quiet=0.05, first_wait=0.01, overlap=0)
T = TypeVar("T")


def status(word: str, message: str = "") -> dict[str, str]:
    return {"ev": "status", "status": word, "message": message}


def trade(symbol: str = "AAPL", at: int = MILLIS, **more: Any) -> dict[str, Any]:
    return {"ev": "T", "sym": symbol, "p": 187.5, "s": 100, "t": at} | more


class Peer:
    """The server's side of one connection."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket

    async def say(self, *events: Any) -> None:
        """One frame."""
        await self.socket.send(json.dumps(events))

    async def hear(self) -> dict[str, str]:
        """What the client asks for."""
        asked: dict[str, str] = json.loads(await self.socket.recv())
        return asked

    async def greet(self) -> None:
        """As the vendor does it, when everything is right."""
        await self.say(status("connected", "Connected Successfully"))
        assert {"action": "auth", "params": KEY} == await self.hear()
        await self.say(status("auth_success", "authenticated"))

    async def grant(self, requests: int = 1) -> list[str]:
        """Acknowledge all of the next requests; what they asked for."""
        asked: list[str] = []
        for _ in range(requests):
            names = (await self.hear())["params"].split(",")
            await self.say(*(status("success", f"subscribed to: {name}") for name in names))
            asked += names
        return asked

    def drop(self) -> None:
        """End TCP without a word."""
        self.socket.transport.abort()

    async def stay(self) -> None:
        """Until the client goes."""
        await self.socket.wait_closed()


async def willing(peer: Peer) -> None:
    """Grants what is asked for, sends one trade, and stays."""
    await peer.greet()
    await peer.grant()
    await peer.say(trade())
    await peer.stay()


async def granting(peer: Peer) -> None:
    """Grants what is asked for, and is quiet."""
    await peer.greet()
    await peer.grant()
    await peer.stay()


@asynccontextmanager
async def scripted(*scripts: Script, **options: Any) -> AsyncIterator[str]:
    """Its address. Connections follow the scripts in turn; the last script serves all that come after."""
    left = list(scripts)

    async def follow(socket: ServerConnection) -> None:
        script = left.pop(0) if len(left) > 1 else left[0]
        await script(Peer(socket))

    async with serve(follow, "127.0.0.1", 0, close_timeout=0.1, **options) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@dataclass
class Ear:
    """A session, and everything it has told so far."""

    session: Session
    waits: list[float]
    """What it paused for between connections."""
    heard: list[Heard] = field(default_factory=list)

    async def until(self, enough: Callable[[list[Heard]], bool], seconds: float = 10) -> list[Heard]:
        """Listen until it is enough, then end the session."""
        async with asyncio.timeout(seconds), aclosing(self.session.run()) as run:
            async for one in run:
                self.heard.append(one)
                if enough(self.heard):
                    break
        return self.heard

    def all(self, kind: type[T]) -> list[T]:
        return [one for one in self.heard if isinstance(one, kind)]

    @property
    def symbols(self) -> list[str]:
        return [message.symbol for frame in self.all(Frame) for message in frame.decoded.messages]

    @property
    def ended(self) -> list[Interruption]:
        return [one for one in self.all(Interruption) if one.ended]


def ear(
    url: str,
    *subscriptions: str,
    cluster: Cluster = Cluster.STOCKS,
    limits: SessionLimits = QUICK,
    clock: Clock | None = None,
    key: str = KEY,
    open_now: Callable[[], bool] = lambda: True,
    meanwhile: Callable[[], None] = lambda: None,
) -> Ear:
    """A session that pauses for nothing, with a clock that stands; `meanwhile` happens between connections."""
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.to_thread(meanwhile)

    session = Session(
        url,
        key,
        cluster,
        named(*(subscriptions or ("T.AAPL",))),
        clock=clock or FakeClock(NOW),
        random=lambda: 1.0,
        limits=limits,
        open_now=open_now,
        pause=pause,
    )
    return Ear(session, waits)


def named(*subscriptions: str) -> tuple[Subscription, ...]:
    return tuple(Subscription(*name.split(".", 1)) for name in subscriptions)


def count(kind: type, number: int = 1) -> Callable[[list[Heard]], bool]:
    """Enough when so many of a kind were told."""
    return lambda heard: sum(isinstance(one, kind) for one in heard) >= number


async def soon(true: Callable[[], object]) -> None:
    """Return when it is true."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is waited for is no event of ours
            await asyncio.sleep(0.005)


def some_end(heard: Iterable[Heard]) -> bool:
    """Enough when an interruption has ended."""
    return any(isinstance(one, Interruption) and one.ended for one in heard)
