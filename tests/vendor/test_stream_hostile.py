"""A session against servers that do what no server should: it names what it missed, and goes on with the next one."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest

from forebay.errors import UsageError
from forebay.model.live import Cause
from forebay.vendor.stream.heard import Frame, Refused, Subscribed, Waiting
from stream_server import KEY, QUICK, Peer, count, ear, granting, named, scripted, some_end, soon, status, trade

MEBIBYTE = 1 << 20


def test_a_line_that_is_cut_without_a_sign_is_found() -> None:
    """Half-open TCP: no end comes, no pong either; the session gives up on it and names the gap."""

    async def talk() -> None:
        held: list[Peer] = []
        found = asyncio.Event()

        async def going_deaf(peer: Peer) -> None:
            await peer.greet()
            await peer.grant()
            await peer.say(trade())
            peer.socket.transport.pause_reading()
            held.append(peer)
            await found.wait()

        async with scripted(going_deaf, granting, ping_interval=None) as url:
            listener = ear(url, limits=replace(QUICK, ping=0.2))
            await listener.until(some_end)
            found.set()
            held[0].drop()
        (over,) = listener.ended
        assert Cause.CLOSED is over.cause
        assert "1011" in over.detail

    asyncio.run(talk())


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\xfe garbage",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1:1/stocks\r\nContent-Length: 0\r\n\r\n",
        b"",
        b"A" * 100_000,
    ],
)
def test_what_is_no_websocket_is_tried_again(garbage: bytes) -> None:
    """Whatever answers there: it is said why there is no connection; no key is sent, redirects lead nowhere."""
    received = bytearray()

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(65536))
        writer.write(garbage)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async def talk() -> None:
        server = await asyncio.start_server(answering, "127.0.0.1", 0)
        async with server:
            listener = ear(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            await listener.until(count(Waiting, 2))
        details = [one.detail for one in listener.all(Waiting)]
        assert all(detail.startswith("no connection: ") for detail in details)
        assert b"GET /stocks" in received
        assert KEY.encode() not in received

    asyncio.run(talk())


def test_bytes_that_are_no_frames_end_the_connection_only() -> None:
    """The protocol is broken in the middle of a session: an interruption, and the next connection."""

    async def breaking(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.say(trade())
        peer.socket.transport.write(b"\xff\xff\xff\xff this is no frame")
        await peer.stay()

    async def talk() -> None:
        async with scripted(breaking, granting) as url:
            listener = ear(url)
            await listener.until(some_end)
        assert [Cause.CLOSED] == [one.cause for one in listener.ended]
        assert ["AAPL"] == listener.symbols

    asyncio.run(talk())


@pytest.mark.parametrize(
    "frame", ["", "hello", "{}", "null", "[", '[{"ev":"T"', b"\x00\xff", "[" * 100_000, '["status"]']
)
def test_a_frame_that_is_no_array_of_events_is_handed_back(frame: str | bytes) -> None:
    """It is told as a bad event, and the session goes on with the next frame of the same connection."""

    async def odd(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.socket.send(frame)
        await peer.say(trade())
        await peer.stay()

    async def talk() -> None:
        async with scripted(odd) as url:
            listener = ear(url)
            await listener.until(lambda _: listener.symbols)
        assert ["AAPL"] == listener.symbols
        assert 1 == listener.session.health.bad
        assert [] == listener.all(Waiting)

    asyncio.run(talk())


def test_frames_of_two_megabytes_are_read() -> None:
    """A wildcard's minute bars of the whole market may come in one frame."""
    events = [trade(f"S{number}") for number in range(25_000)]

    async def giant(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.say(*events)
        await peer.stay()

    async def talk() -> None:
        async with scripted(giant) as url:
            listener = ear(url, "T.*")
            await listener.until(count(Frame))
        (frame,) = listener.all(Frame)
        assert frame.size > 1.5 * MEBIBYTE
        assert [event["sym"] for event in events] == listener.symbols

    asyncio.run(talk())


@pytest.mark.parametrize("compression", ["deflate", None])
def test_a_frame_beyond_every_measure_ends_the_connection(compression: str | None) -> None:
    """A bomb, too: the bound is of what it unpacks to. Memory stays small, the gap is named."""

    async def bomb(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        with suppress(Exception):
            await peer.socket.send(" " * (8 * MEBIBYTE))
        await peer.stay()

    async def talk() -> None:
        async with scripted(bomb, granting, compression=compression) as url:
            listener = ear(url, limits=replace(QUICK, frame=MEBIBYTE))
            await listener.until(some_end)
        (over,) = listener.ended
        assert Cause.CLOSED is over.cause
        assert "1009" in over.detail
        assert listener.session.health.queued_bytes < MEBIBYTE

    asyncio.run(talk())


def test_a_bomb_within_the_bound_is_only_a_bad_event() -> None:
    """It unpacks to no more than a frame may hold."""

    async def bomb(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        await peer.socket.send(" " * MEBIBYTE)
        await peer.say(trade())
        await peer.stay()

    async def talk() -> None:
        async with scripted(bomb, compression="deflate") as url:
            listener = ear(url, limits=replace(QUICK, frame=2 * MEBIBYTE))
            await listener.until(lambda _: listener.symbols)
        assert (1, 0) == (listener.session.health.bad, listener.session.health.shed_frames)

    asyncio.run(talk())


def test_acknowledgements_may_come_in_any_order_and_number() -> None:
    """One by one, backwards, among data, twice, in the wrong request, and of what nobody asked for."""

    async def odd(peer: Peer) -> None:
        await peer.greet()
        first = (await peer.hear())["params"].split(",")
        for name in reversed(first):
            await peer.say(
                trade(), status("success", f"subscribed to: {name}"), status("success", "subscribed to: T.EVIL")
            )
        second = (await peer.hear())["params"].split(",")
        await peer.say(status("success", f"subscribed to: {first[0]}"), status("success"), status("odd", "word"))
        await peer.say(*(status("success", f"subscribed to: {name}") for name in second))
        await peer.say(status("connected"), status("auth_success"))
        await peer.say(trade("LAST"))
        await peer.stay()

    async def talk() -> None:
        async with scripted(odd) as url:
            listener = ear(url, "T.AAPL", "T.MSFT", "T.NVDA", "AM.AAPL")
            await listener.until(lambda _: "LAST" in listener.symbols)
        granted = [one for each in listener.all(Subscribed) for one in each.subscriptions]
        assert list(named("T.NVDA", "T.MSFT", "T.AAPL", "AM.AAPL")) == granted
        assert [] == listener.all(Refused)
        assert 5 == listener.session.health.unasked

    asyncio.run(talk())


def test_what_is_acknowledged_after_it_was_given_up_is_heard_after_all() -> None:
    """A late answer is an answer: the refusal was told, and then the subscription."""

    async def slow(peer: Peer) -> None:
        await peer.greet()
        (name,) = (await peer.hear())["params"].split(",")
        await peer.grant()
        await peer.say(status("success", f"subscribed to: {name}"))
        await peer.stay()

    async def talk() -> None:
        async with scripted(slow) as url:
            listener = ear(url, "Q.AAPL", "T.AAPL", limits=replace(QUICK, acknowledge=0.1))
            await listener.until(count(Subscribed, 2))
        assert [named("Q.AAPL")] == [one.subscriptions for one in listener.all(Refused)]
        granted = [one.subscriptions for one in listener.all(Subscribed)]
        assert [named("T.AAPL"), named("Q.AAPL")] == granted

    asyncio.run(talk())


def test_a_server_that_only_says_statuses_is_silent() -> None:
    """No data came, however much it talks."""

    async def chatty(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        while True:
            await peer.say(status("info", "all is well"))
            await asyncio.sleep(0.01)

    async def talk() -> None:
        async with scripted(chatty, granting) as url:
            listener = ear(url, limits=replace(QUICK, silence=0.3))
            await listener.until(some_end)
        assert [Cause.SILENT] == [one.cause for one in listener.ended]

    asyncio.run(talk())


def test_a_server_that_talks_before_the_greeting_gets_no_key() -> None:
    """The key is shown to whoever greets as the vendor does."""
    asked: list[str] = []

    async def babbling(peer: Peer) -> None:
        for _ in range(5):
            await peer.say(trade())
            await peer.socket.send("garbage")
        with suppress(Exception):
            asked.append(str(await peer.socket.recv()))

    async def talk() -> None:
        async with scripted(babbling, granting) as url:
            listener = ear(url, limits=replace(QUICK, connect=0.2))
            await listener.until(count(Subscribed))
        assert [] == asked
        assert [] == listener.all(Frame)

    asyncio.run(talk())


def test_the_key_is_in_no_log_and_in_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Not even where everything is logged: the library would write down what it sends."""

    async def talk() -> None:
        async with scripted(granting) as url:
            await ear(url).until(count(Subscribed))

    quiet = logging.getLogger("websockets.server")  # the test's own server
    before, quiet.level = quiet.level, logging.CRITICAL
    try:
        with caplog.at_level(logging.DEBUG):
            asyncio.run(talk())
    finally:
        quiet.level = before
    assert KEY not in caplog.text


def test_a_server_that_never_answers_the_upgrade_is_left() -> None:
    """TCP connects, and then nothing: the deadline is of the whole opening."""

    async def talk() -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            listener = ear(f"ws://127.0.0.1:{deaf.getsockname()[1]}", limits=replace(QUICK, connect=0.2))
            await listener.until(count(Waiting))
        assert listener.all(Waiting)[0].detail.startswith("no connection: ")

    asyncio.run(talk())


def test_cancelling_in_the_middle_of_anything_ends_at_once() -> None:
    """While it connects, greets, asks, or waits: no task is left, and nothing hangs."""

    async def mute(peer: Peer) -> None:
        await peer.stay()

    async def unwilling(peer: Peer) -> None:
        await peer.greet()
        await peer.stay()

    async def end_soon(url: str) -> None:
        listener = ear(url)
        before = asyncio.all_tasks()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1), aclosing(listener.session.run()) as run:
                async for one in run:
                    listener.heard.append(one)
        await soon(lambda: not {task for task in asyncio.all_tasks() - before if "Keeper" in repr(task)})

    async def talk() -> None:
        for script in (mute, unwilling, granting):
            async with asyncio.timeout(3), scripted(script) as url:
                await end_soon(url)
        await end_soon("ws://127.0.0.1:1")

    asyncio.run(talk())


def test_a_proxy_that_cannot_be_used_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SOCKS proxy needs a library that Forebay does not bring; trying again would not help."""
    monkeypatch.setenv("socks_proxy", "socks5://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(UsageError, match="cannot use the proxy") as caught:
        asyncio.run(ear("wss://stream.example.invalid").until(count(Waiting)))
    assert "NO_PROXY" in caught.value.remedy
