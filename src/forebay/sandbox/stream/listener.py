"""Who listens: the connections that have authenticated, with what they are subscribed to and what they were sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Condition

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from forebay.model.live import Cluster
from forebay.sandbox.faults import Fault
from forebay.sandbox.stream.feed import Selection

EVICTED = (
    "max_connections",
    (
        "Maximum number of websocket connections exceeded. You have reached the connection limit for your account."
        " Please contact support at https://polygon.io/contact to increase your limit."
    ),
)
SLOW = ("slow_consumer", "Slow consumer: the connection does not keep up.")
FORCED = ("force_disconnect", "The server closes this connection.")
POLICY = 1008
_EVICTED_AFTER = 0.1
"""Seconds from one connection too many to the end of one: it has authenticated and subscribed by then."""


def status(kind: str, message: str) -> dict[str, str]:
    """A status event."""
    return {"ev": "status", "status": kind, "message": message}


@dataclass(eq=False, slots=True)
class Listener:
    """One authenticated connection. Touched by the server's loop alone."""

    socket: ServerConnection
    cluster: Cluster
    delayed: bool
    selection: Selection = frozenset()
    subscribed_at: int | None = None
    """Replayed time (ns) of its first subscription."""
    events: int = 0
    """Sent to it, acknowledgements not counted."""
    stalled: bool = False
    """Nothing is sent to it any more."""
    ending: Fault | None = None
    """The rule that will end it."""
    farewell: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def takes(self) -> bool:
        """Whether events go to it."""
        return bool(self.selection) and not self.stalled and self.farewell is None

    @property
    def waiting(self) -> int:
        """Bytes that it has not taken yet."""
        transport = self.socket.transport
        return 0 if transport.is_closing() else transport.get_write_buffer_size()

    def say(self, *events: dict[str, str]) -> None:
        """Send status events in one frame."""
        self.send(json.dumps(events, separators=(",", ":")).encode(), 0)

    def send(self, payload: bytes, events: int) -> None:
        """Send a frame of so many events, without waiting."""
        if not self.stalled:
            broadcast([self.socket], payload, text=True)
            self.events += events

    def drop(self) -> None:
        """End the TCP connection without a word."""
        self.socket.transport.abort()

    def dismiss(self, why: tuple[str, str], code: int = POLICY) -> None:
        """Say why and close, once."""
        if self.farewell is None:
            self.say(status(*why))
            self.close(code)

    def close(self, code: int) -> None:
        """End it with a close frame, without waiting for the other side's."""
        self.farewell = asyncio.get_running_loop().create_task(self._close(code))

    async def _close(self, code: int) -> None:
        try:
            await self.socket.close(code)
        except ConnectionClosed:
            return


class Audience:
    """Every listener, the oldest first."""

    def __init__(self, connections: int, *, evicts_newest: bool) -> None:
        self._connections = connections
        self._evicts_newest = evicts_newest
        self._listeners: list[Listener] = []
        self.changed = asyncio.Event()
        """Set when somebody came, went, or is subscribed to something else."""
        self._news = Condition()
        self.accepted = 0
        """How many ever authenticated."""

    def __iter__(self) -> Iterator[Listener]:
        return iter(tuple(self._listeners))

    def __len__(self) -> int:
        return len(self._listeners)

    def of(self, cluster: Cluster | None) -> list[Listener]:
        """Those of one cluster, on all hosts; None: everyone."""
        return [one for one in self._listeners if cluster in (None, one.cluster)]

    def join(self, listener: Listener) -> None:
        """Take in a connection; if the account has too many of its cluster now, one of them ends a little later."""
        self._listeners.append(listener)
        self.accepted += 1
        self.note()
        asyncio.get_running_loop().call_later(_EVICTED_AFTER, self._evict, listener.cluster)

    def leave(self, listener: Listener) -> None:
        """It is gone."""
        self._listeners.remove(listener)
        self.note()

    def note(self) -> None:
        """Somebody is subscribed to something else, or takes nothing more."""
        self.changed.set()
        with self._news:
            self._news.notify_all()

    def wait_for_takers(self, count: int, seconds: float) -> bool:
        """Wait in another thread until events go to so many; whether they do."""
        with self._news:
            return self._news.wait_for(lambda: sum(one.takes for one in self) >= count, seconds)

    def _evict(self, cluster: Cluster) -> None:
        staying = [one for one in self.of(cluster) if one.farewell is None]
        if len(staying) > self._connections:
            staying[-1 if self._evicts_newest else 0].dismiss(EVICTED)
