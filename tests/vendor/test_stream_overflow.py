"""When frames come faster than they are taken: memory keeps its bound, and nothing is let go without a word."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from websockets.exceptions import ConnectionClosed

from forebay.errors import UsageError
from forebay.model.live import Cause, Interruption
from forebay.testing import FakeClock
from forebay.vendor.stream.heard import Frame
from forebay.vendor.stream.limits import Overflow, SessionLimits
from stream_server import (
    MILLIS,
    NOW,
    QUICK,
    Peer,
    ear,
    granting,
    scripted,
    some_end,
    soon,
    trade,
)

MEBIBYTE = 1 << 20


def test_frames_that_nobody_takes_are_let_go_and_named() -> None:
    """The queue keeps its bound in bytes; what was let go is counted and is an interruption, what was kept is told."""
    big = "[" + ",".join(['{"ev":"LULD","pad":"' + "x" * MEBIBYTE + '"}']) + "]"
    sent = asyncio.Event()

    async def flooding(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.say(trade("FIRST"))
        for _ in range(8):
            await peer.socket.send(big)
        await peer.say(trade("LAST"))
        sent.set()
        await peer.stay()

    async def talk() -> None:
        async with scripted(flooding, compression=None) as url:
            limits = replace(QUICK, queue=3 * MEBIBYTE, frame=2 * MEBIBYTE)
            listener = ear(url, "T.*", limits=limits)
            health = listener.session.health
            async with asyncio.timeout(10), aclosing(listener.session.run()) as run:
                async for one in run:
                    listener.heard.append(one)
                    if isinstance(one, Frame) and not sent.is_set():
                        await sent.wait()
                        await soon(lambda: health.shed_frames >= 7)
                        assert health.queued_bytes <= limits.queue
                    if some_end(listener.heard):
                        break
        assert 7 <= health.shed_frames
        assert 6 * MEBIBYTE < health.shed_bytes
        assert [Cause.SHED] == [one.cause for one in listener.ended]
        assert "FIRST" in listener.symbols
        assert 0 == health.queued_bytes or health.queued_frames

    asyncio.run(talk())


def test_with_stop_nothing_is_let_go() -> None:
    """Reading stops while the queue is full; the server feels it, and everything comes in the end."""
    pad = "x" * (MEBIBYTE // 2)

    async def flooding(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        for number in range(20):
            await peer.say(trade(f"S{number}", pad=pad))
        await peer.stay()

    async def talk() -> None:
        async with scripted(flooding, compression=None) as url:
            limits = replace(QUICK, queue=2 * MEBIBYTE, frame=MEBIBYTE, overflow=Overflow.STOP, silence=0.3)
            listener = ear(url, "T.*", limits=limits)
            health = listener.session.health
            async with asyncio.timeout(10), aclosing(listener.session.run()) as run:
                async for one in run:
                    listener.heard.append(one)
                    if not listener.symbols[1:]:
                        await soon(lambda: health.pauses)
                        await asyncio.sleep(0.5)  # longer than the silence that would end it
                    assert health.queued_bytes <= limits.queue
                    if len(listener.symbols) == 20:
                        break
        assert [f"S{number}" for number in range(20)] == listener.symbols
        assert (0, []) == (health.shed_frames, listener.all(Interruption))

    asyncio.run(talk())


def test_with_stop_a_connection_that_ends_for_it_is_an_interruption() -> None:
    """While nothing is read no pong is either: what came before the end is told, what came after lies in the gap."""
    pad = "x" * (MEBIBYTE // 4)

    async def flooding(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        with suppress(ConnectionClosed):
            for number in itertools.count():
                await peer.say(trade(f"S{number}", MILLIS + 1000 * number, pad=pad))

    async def talk() -> None:
        async with scripted(flooding, granting, compression=None, ping_interval=None) as url:
            room = replace(QUICK, queue=2 * MEBIBYTE, frame=MEBIBYTE, overflow=Overflow.STOP)
            limits = replace(room, ping=0.2, lag=1e9)
            listener = ear(url, "T.*", limits=limits, clock=FakeClock(NOW + timedelta(days=1)))
            async with asyncio.timeout(10), aclosing(listener.session.run()) as run:
                async for one in run:
                    if isinstance(one, Frame) and not listener.symbols:
                        await asyncio.sleep(0.6)
                    listener.heard.append(one)
                    if some_end(listener.heard):
                        break
        assert [f"S{number}" for number in range(len(listener.symbols))] == listener.symbols
        assert [Cause.CLOSED] == [one.cause for one in listener.ended]
        assert "1011" in listener.ended[0].detail
        assert 0 == listener.session.health.shed_frames

    asyncio.run(talk())


def test_a_queue_without_room_for_a_frame_is_refused() -> None:
    """It would wait for ever for room that there cannot be."""
    with pytest.raises(UsageError, match="cannot hold the largest frame"):
        SessionLimits(queue=100, frame=100)
