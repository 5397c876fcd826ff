"""Whatever may have kept data from being heard is told, with the moments at which it began and ended."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from forebay.model.live import Cause, Cluster, Interruption
from forebay.testing import FakeClock
from forebay.vendor.stream.heard import Frame, Subscribed, Waiting
from forebay.vendor.stream.limits import delay_of
from stream_server import (
    MILLIS,
    NOW,
    QUICK,
    Ear,
    Peer,
    ear,
    granting,
    named,
    scripted,
    some_end,
    soon,
    status,
    trade,
    willing,
)


def test_a_drop_is_an_interruption_with_both_its_ends() -> None:
    """It begins with the last moment heard and ends when all is acknowledged again; frames before it are told first."""

    async def dropping(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.say(trade(at=MILLIS + 250))
        await peer.say(trade("MSFT", MILLIS + 500))
        peer.drop()

    async def again(peer: Peer) -> None:
        clock.advance(30)
        await granting(peer)

    clock = FakeClock(NOW + timedelta(seconds=2))

    async def talk() -> None:
        async with scripted(dropping, again) as url:
            listener = ear(url, "T.*", clock=clock)
            heard = await listener.until(some_end)
        began = NOW + timedelta(seconds=2)
        expected = Interruption(Cluster.STOCKS, named("T.*"), began, None, Cause.CLOSED, "closed without a word")
        ended = replace(expected, ended=NOW + timedelta(seconds=32))
        assert [expected, ended] == listener.all(Interruption)
        assert heard.index(expected) > max(heard.index(frame) for frame in listener.all(Frame))
        health = listener.session.health
        assert (2, 1, 1, 30) == (health.connects, health.reconnects, health.interruptions, health.gap_seconds)

    asyncio.run(talk())


def test_the_last_moment_heard_is_before_what_may_still_have_been_under_way() -> None:
    """The earlier of what events say and of when they came, less the overlap; a bar counts from its start."""
    bar = {"ev": "AM", "sym": "AAPL", "o": 1, "h": 1, "l": 1, "c": 1, "s": MILLIS - 60_000}
    clock = FakeClock(NOW - timedelta(minutes=5))
    listeners: list[Ear] = []

    async def dropping(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await soon(lambda: listeners[0].all(Subscribed))
        clock.advance(305)
        await peer.say(bar)
        peer.drop()

    async def talk() -> None:
        async with scripted(dropping, granting) as url:
            listener = ear(url, "AM.*", limits=replace(QUICK, overlap=15), clock=clock)
            listeners.append(listener)
            await listener.until(some_end)
        (over,) = listener.ended
        assert NOW - timedelta(seconds=75) == over.began

    asyncio.run(talk())


def test_what_lasts_while_it_is_tried_again_is_one_interruption() -> None:
    """Connections that end before everything is granted again belong to it, whatever their own cause."""

    async def evicting(peer: Peer) -> None:
        await peer.greet()
        await peer.say(status("max_connections", "Maximum number of websocket connections exceeded."))
        await peer.socket.close(1008)

    async def dropping(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        peer.drop()

    async def talk() -> None:
        async with scripted(dropping, evicting, evicting, willing) as url:
            listener = ear(url)
            await listener.until(some_end)
        assert [Cause.CLOSED, Cause.CLOSED] == [one.cause for one in listener.all(Interruption)]
        assert 3 == len(listener.all(Waiting))

    asyncio.run(talk())


@pytest.mark.parametrize("said", [True, False])
def test_after_an_eviction_there_is_a_cooldown(said: bool) -> None:
    """Whoever took the place is not evicted in turn: a minute and more, with jitter, each time; by word or by code."""

    async def evicting(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        if said:
            await peer.say(status("max_connections", "Maximum number of websocket connections exceeded."))
        await peer.socket.close(1008)

    async def talk() -> None:
        async with scripted(evicting, evicting, granting) as url:
            listener = ear(url, limits=replace(QUICK, cooldown=90))
            await listener.until(lambda _: len(listener.ended) == 2)
        assert [135, 135] == listener.waits
        assert {Cause.EVICTED} == {one.cause for one in listener.all(Interruption)}
        assert 2 == len(listener.ended)

    asyncio.run(talk())


@pytest.mark.parametrize(("word", "cause"), [("slow_consumer", Cause.SLOW), ("force_disconnect", Cause.CLOSED)])
def test_what_the_vendor_says_before_it_closes_is_why(word: str, cause: Cause) -> None:
    """Even when it stands in a frame of data."""

    async def killing(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.say(trade(), status(word, "too slow"))
        peer.drop()

    async def talk() -> None:
        async with scripted(killing, granting) as url:
            listener = ear(url)
            await listener.until(some_end)
        (over,) = listener.ended
        assert cause is over.cause
        assert over.detail.startswith(f"{word}: too slow")
        assert ["AAPL"] == listener.symbols

    asyncio.run(talk())


def test_silence_in_an_open_session_ends_the_connection() -> None:
    """And in one that does not trade it ends nothing."""

    async def quiet(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.say(trade())
        await peer.stay()

    async def talk(opened: bool) -> list[Cause]:
        async with scripted(quiet) as url:
            listener = ear(url, limits=replace(QUICK, silence=0.1), open_now=lambda: opened)
            try:
                await listener.until(some_end, seconds=1)
            except TimeoutError:
                assert not opened
        return [one.cause for one in listener.ended]

    assert [Cause.SILENT] == asyncio.run(talk(opened=True))
    assert [] == asyncio.run(talk(opened=False))


def test_what_comes_too_late_is_told_until_it_is_in_time_again() -> None:
    """Nothing is let go, the interval is named; a bar that is sent anew for a late trade is no lag."""

    async def lagging(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.say(trade(at=MILLIS))
        await peer.say(trade(at=MILLIS - 600_000))
        await soon(lambda: listeners[0].session.health.frames == 3)
        clock.advance(300)
        await peer.say(trade("LATE", MILLIS + 100_000))
        await peer.say(trade("LATER", MILLIS + 110_000))
        await soon(lambda: listeners[0].session.health.frames == 5)
        clock.advance(1)
        await peer.say(trade("FRESH", MILLIS + 300_000))
        await peer.stay()

    clock = FakeClock(NOW)
    listeners: list[Ear] = []

    async def talk() -> None:
        async with scripted(lagging) as url:
            listener = ear(url, clock=clock)
            listeners.append(listener)
            await listener.until(lambda _: "FRESH" in listener.symbols)
        (over,) = listener.ended
        assert (Cause.BEHIND, NOW, NOW + timedelta(seconds=301)) == (over.cause, over.began, over.ended)
        assert ["AAPL", "AAPL", "LATE", "LATER", "FRESH"] == listener.symbols
        assert listener.session.health.lag == pytest.approx(1)

    asyncio.run(talk())


def test_a_delayed_host_is_not_late() -> None:
    """Its fifteen minutes are taken off everywhere."""
    delay = timedelta(minutes=15)

    async def delayed(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.say(trade(at=MILLIS - 900_000))
        peer.drop()

    async def talk() -> None:
        async with scripted(delayed, willing) as url:
            listener = ear(url, limits=replace(QUICK, delay=delay_of("wss://delayed.massive.com")))
            await listener.until(some_end)
        (over,) = listener.ended
        assert (Cause.CLOSED, NOW - delay, NOW - delay) == (over.cause, over.began, over.ended)
        assert 0 == listener.session.health.lag

    asyncio.run(talk())
