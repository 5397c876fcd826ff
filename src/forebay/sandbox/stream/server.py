"""The handles by which a test drives the stream: its time, its troubles, its counts."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from forebay.clock import Clock
from forebay.model.live import Cluster
from forebay.sandbox.cells import nanos
from forebay.sandbox.faults import Faults
from forebay.sandbox.market import Market
from forebay.sandbox.plans import Plan
from forebay.sandbox.stream.clock import Pace, ReplayClock
from forebay.sandbox.stream.endings import stall
from forebay.sandbox.stream.feed import TICK
from forebay.sandbox.stream.listener import EVICTED, Audience, Listener
from forebay.sandbox.stream.port import Port
from forebay.sandbox.stream.replay import Replay, Sent
from forebay.sandbox.stream.session import Sessions

_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What the simulated account and server allow."""

    connections: int = 1
    """To one cluster at a time, real-time and delayed together."""
    auth_within: float = 10.0
    """Seconds to authenticate in."""
    buffer: int = 16 * _MEBIBYTE
    """Bytes that may wait for one reader; it is killed beyond."""
    patience: float = 30.0
    """Seconds, where readers set the pace, in which a reader must take what a minute brought."""
    evicts_newest: bool = False
    """Of too many connections the newest one ends, not the oldest."""


class Stream:
    """The stream of a running sandbox. Its methods may be called from any thread; they act at once."""

    def __init__(
        self,
        market: Market,
        base: Clock,
        plan: Plan,
        api_key: str,
        *,
        start: datetime | None = None,
        speed: float | None = None,
        until: datetime | None = None,
        limits: StreamLimits | None = None,
        faults: Faults | None = None,
    ) -> None:
        faults = faults or Faults()
        limits = limits or StreamLimits()
        begin = start or base.now()
        self.clock = ReplayClock(begin)
        """Replayed time: what has been sent is what has happened."""
        self._pace = Pace(base, nanos(begin), speed)
        self._audience = Audience(limits.connections, evicts_newest=limits.evicts_newest)
        last = None if until is None else nanos(until) // TICK * TICK
        self._replay = Replay(
            market,
            self._audience,
            self.clock,
            self._pace,
            until=last,
            buffer=limits.buffer,
            patience=limits.patience,
            rules=faults.rules,
        )
        sessions = Sessions(self._audience, self.clock, plan, api_key, limits.auth_within, faults)
        self._port = Port(self._audience, sessions, self._replay)

    # -- what happened

    @property
    def connections(self) -> int:
        """How many authenticated connections are open."""
        return len(self._audience)

    @property
    def accepted(self) -> int:
        """How many connections ever authenticated."""
        return self._audience.accepted

    @property
    def sent(self) -> Sent:
        """Frames, events and bytes that went out so far, to all connections together."""
        return self._replay.sent

    # -- time

    def pause(self) -> None:
        """Stand still."""
        self._port.act(self._hold_here)

    def resume(self) -> None:
        """Go on at the speed of before."""
        self._port.act(lambda: self._pace.go_on(self.clock.nanos))

    def step_to(self, moment: datetime, timeout: float = 60.0) -> None:
        """Replay up to `moment` as fast as readers take it, and stand still there. Returns when all of it is sent.

        Raises TimeoutError when that takes longer than `timeout` seconds.
        """
        target = nanos(moment) // TICK * TICK

        def go() -> None:
            self._pace.hold = target

        self._port.act(go)
        if not self.clock.wait_for(target, timeout):
            raise TimeoutError(f"the replay is at {self.clock.now()} and not at {moment} after {timeout:g} s")

    # -- trouble

    def drop(self, cluster: Cluster | None = None) -> int:
        """End TCP connections without a word; how many."""
        return self._to_each(cluster, Listener.drop)

    def evict(self, cluster: Cluster | None = None) -> int:
        """End connections as if another one of the account had come; how many."""
        return self._to_each(cluster, lambda one: one.dismiss(EVICTED))

    def stall(self, cluster: Cluster | None = None) -> int:
        """Send nothing more on the open connections, and leave them open; how many."""

        def still(listener: Listener) -> None:
            stall(listener)
            self._audience.note()

        return self._to_each(cluster, still)

    def inject(self, text: str, cluster: Cluster | None = None) -> int:
        """Send a frame of any text to every connection; to how many."""
        return self._to_each(cluster, lambda one: one.send(text.encode(), 0))

    def wait_for_subscribers(self, count: int = 1, timeout: float = 30.0) -> None:
        """Return when so many connections are subscribed to something. Raises TimeoutError."""
        if not self._audience.wait_for_takers(count, timeout):
            raise TimeoutError(f"not {count} connections are subscribed to something after {timeout:g} s")

    # -- life

    def start(self, listening: socket.socket) -> None:
        """Serve the socket's connections; returns once they are accepted."""
        self._port.start(listening)

    def stop(self) -> None:
        """End every connection and the replay."""
        self._port.stop()
        self.clock.close()

    def _hold_here(self) -> None:
        self._pace.hold = self.clock.nanos

    def _to_each(self, cluster: Cluster | None, action: Callable[[Listener], None]) -> int:
        def act() -> int:
            listeners = self._audience.of(cluster)
            for listener in listeners:
                action(listener)
            return len(listeners)

        return self._port.act(act)
