"""One session of the stream: how it begins, how often it tries, how it ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from forebay.errors import NotEntitled, UsageError, WrongKey
from forebay.model.live import Interruption
from forebay.vendor.stream.heard import Frame, State, Subscribed, Waiting
from stream_server import (
    NOW,
    QUICK,
    Peer,
    count,
    ear,
    named,
    scripted,
    some_end,
    soon,
    status,
    willing,
)


def test_what_comes_is_told() -> None:
    """The greeting, the key and the acknowledgement go before; then each frame is told, decoded."""

    async def talk() -> None:
        async with scripted(willing) as url:
            listener = ear(url)
            await listener.until(count(Frame))
        assert [Subscribed(named("T.AAPL"), NOW)] == listener.all(Subscribed)
        assert ["AAPL"] == listener.symbols
        assert listener.session.health.last_message == NOW
        assert listener.session.health.state is State.ENDED

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("message", "error", "words"),
    [
        ("authentication failed", WrongKey, "refuses the key"),
        ("Your plan doesn't include websocket access.", NotEntitled, "has no stream of stocks"),
    ],
)
def test_a_refused_key_ends_the_session(message: str, error: type[Exception], words: str) -> None:
    """A wrong key and a plan without streaming are told apart, with what to do; neither shows the key."""

    async def refusing(peer: Peer) -> None:
        await peer.say(status("connected"))
        await peer.hear()
        await peer.say(status("auth_failed", message))
        peer.drop()

    async def talk() -> None:
        async with scripted(refusing) as url:
            with pytest.raises(error, match=words) as caught:
                await ear(url, key="secret").until(count(Frame))
        assert isinstance(caught.value, WrongKey | NotEntitled)
        assert message in str(caught.value)
        assert caught.value.remedy
        assert "secret" not in str(caught.value) + caught.value.remedy

    asyncio.run(talk())


def test_a_key_that_was_good_is_refused_three_times_before_that_is_believed() -> None:
    """One odd answer at night ends no service; a key that was withdrawn does."""

    async def once(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        peer.drop()

    async def refusing(peer: Peer) -> None:
        await peer.say(status("connected"))
        await peer.hear()
        await peer.say(status("auth_failed", "authentication failed"))

    async def talk() -> None:
        async with scripted(once, refusing) as url:
            listener = ear(url)
            with pytest.raises(WrongKey):
                await listener.until(some_end)
        assert 3 == len(listener.waits)

    asyncio.run(talk())


@pytest.mark.parametrize("url", ["http://h", "ws://stream.example.com", "wss://user:pw@h", "wss://", "h"])
def test_an_address_that_would_not_do_is_refused(url: str) -> None:
    """Neither another protocol, nor a key in the clear across the internet, nor a password in an address."""
    with pytest.raises(UsageError, match="FOREBAY_STREAM_URL") as caught:
        ear(url)
    assert "pw" not in str(caught.value)


def test_no_greeting_is_no_connection() -> None:
    """A server that says nothing is left after a deadline, and tried again."""

    async def mute(peer: Peer) -> None:
        await peer.stay()

    async def talk() -> None:
        async with scripted(mute, willing) as url:
            listener = ear(url, limits=replace(QUICK, connect=0.2))
            await listener.until(count(Frame))
        assert ["no greeting within 0.2 s"] == [one.detail for one in listener.all(Waiting)]

    asyncio.run(talk())


def test_a_key_that_came_too_late_is_shown_again() -> None:
    """`auth_timeout` is the line's fault, not the key's."""

    async def impatient(peer: Peer) -> None:
        await peer.say(status("connected"))
        await peer.hear()
        await peer.say(status("auth_timeout", "No authentication request received."))
        await peer.socket.close()

    async def talk() -> None:
        async with scripted(impatient, willing) as url:
            listener = ear(url)
            await listener.until(count(Frame))
        (waiting,) = listener.all(Waiting)
        assert waiting.detail.startswith("auth_timeout: No authentication request received.")

    asyncio.run(talk())


def test_nobody_at_that_address_is_tried_for_ever_with_growing_waits() -> None:
    """Waits double to their longest, full jitter over each; nothing is told but that it waits."""

    async def talk() -> None:
        limits = replace(QUICK, first_wait=1, longest_wait=60)
        listener = ear("ws://127.0.0.1:1", limits=limits)
        await listener.until(count(Waiting, 9))
        assert [1, 2, 4, 8, 16, 32, 60, 60] == listener.waits[:8]
        assert [] == listener.all(Interruption)
        assert listener.session.health.error.startswith("no connection: ")

    asyncio.run(talk())


def test_a_connection_that_lasted_makes_the_waits_short_again() -> None:
    """That a key was accepted proves nothing: only time does."""

    async def dropping(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        peer.drop()

    async def talk(settled: float) -> list[float]:
        async with scripted(dropping) as url:
            listener = ear(url, limits=replace(QUICK, first_wait=1, settled=settled))
            await listener.until(count(Waiting, 5))
        return listener.waits[:4]

    assert [1, 2, 4, 8] == asyncio.run(talk(settled=60))
    assert [1, 1, 1, 1] == asyncio.run(talk(settled=0))


def test_cancelling_takes_leave_of_the_server() -> None:
    """The server sees a close frame, not a torn line, and no task is left over."""
    codes: list[int | None] = []

    async def seeing(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.stay()
        codes.append(peer.socket.close_code)

    async def talk() -> None:
        async with scripted(seeing) as url:
            listener = ear(url)
            listening = asyncio.create_task(listener.until(count(Frame)))
            await soon(lambda: listener.all(Subscribed))
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening
            await soon(lambda: codes)
            left = [task.get_name() for task in asyncio.all_tasks() if "Keeper" in repr(task.get_coro())]
            assert [] == left
            assert listener.session.health.state is State.ENDED

    asyncio.run(talk())
    assert [1000] == codes


def test_a_session_runs_once() -> None:
    """Its book of subscriptions and of what was heard belongs to one run."""

    async def talk() -> None:
        async with scripted(willing) as url:
            listener = ear(url)
            await listener.until(count(Frame))
            with pytest.raises(UsageError, match="runs once"):
                await listener.until(count(Frame))

    asyncio.run(talk())
