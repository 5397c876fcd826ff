"""One session of the stream over connections that go as the vendor's go: well, badly, and not at all."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from stream_server import MILLIS, NOW, QUICK, Ear, Peer, count, ear, named, scripted, some_end, soon, status, trade
from websockets.exceptions import ConnectionClosed

from forebay.errors import NotEntitled, UsageError, WrongKey
from forebay.model.live import Cause, Cluster, Interruption
from forebay.testing import FakeClock
from forebay.vendor.stream.heard import Frame, Refused, State, Subscribed, Waiting
from forebay.vendor.stream.limits import Overflow, SessionLimits, delay_of

MEBIBYTE = 1 << 20


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


def test_a_channel_outside_the_plan_is_refused_alone() -> None:
    """`not authorized` names no channel: it is known to be of the one that was asked for; the others go on."""

    async def partly(peer: Peer) -> None:
        await peer.greet()
        await peer.hear()
        await peer.say(status("error", "not authorized"))
        await peer.say(status("error", "not authorized"))
        await peer.grant()
        await peer.say(trade())
        await peer.stay()

    async def talk() -> None:
        async with scripted(partly) as url:
            listener = ear(url, "Q.AAPL", "Q.MSFT", "T.AAPL")
            await listener.until(count(Frame))
        refused = listener.all(Refused)
        assert [named("Q.AAPL", "Q.MSFT")] == [one.subscriptions for one in refused]
        assert isinstance(refused[0].error, NotEntitled)
        assert "Q.AAPL, Q.MSFT" in str(refused[0].error)
        assert "not authorized" in str(refused[0].error)
        assert [named("T.AAPL")] == [one.subscriptions for one in listener.all(Subscribed)]

    asyncio.run(talk())


def test_one_refusal_may_stand_for_a_whole_request() -> None:
    """Whether the vendor says it once or for each pair, nothing is waited for until the long deadline."""

    async def partly(peer: Peer) -> None:
        await peer.greet()
        await peer.hear()
        await peer.say(status("error", "not authorized"))
        await peer.stay()

    async def talk() -> None:
        async with scripted(partly) as url:
            listener = ear(url, "Q.AAPL", "Q.MSFT", "Q.TSLA")
            with pytest.raises(NotEntitled, match=r"Q\.TSLA"):
                await listener.until(count(Frame), seconds=3)
        assert [named("Q.AAPL", "Q.MSFT", "Q.TSLA")] == [one.subscriptions for one in listener.all(Refused)]

    asyncio.run(talk())


def test_what_the_vendor_is_silent_about_is_our_error() -> None:
    """Unknown channels are not answered: after a deadline that is an error which names the subscription."""

    async def silent(peer: Peer) -> None:
        await peer.greet()
        await peer.hear()
        await peer.grant()
        await peer.stay()

    async def talk() -> None:
        async with scripted(silent) as url:
            listener = ear(url, "Q.AAPL", "T.AAPL", limits=replace(QUICK, acknowledge=0.05))
            await listener.until(count(Subscribed))
        (refused,) = listener.all(Refused)
        assert isinstance(refused.error, UsageError)
        assert str(refused.error).startswith("Q.AAPL: the stream of stocks gave no answer")

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("cluster", "name", "words"),
    [
        (Cluster.STOCKS, "ZZ.AAPL", "no channel 'ZZ'"),
        (Cluster.STOCKS, "XT.X:BTCUSD", "no channel 'XT'"),
        (Cluster.STOCKS, "LULD.AAPL", "no channel 'LULD' that Forebay keeps"),
        (Cluster.STOCKS, "am.AAPL", "no channel 'am'"),
        (Cluster.STOCKS, "AM.I:SPX", "I:SPX is not of stocks"),
        (Cluster.STOCKS, "AM.AA,PL", "is no ticker"),
        (Cluster.OPTIONS, "Q.*", "no quotes of all options"),
        (Cluster.INDICES, "T.I:SPX", "no channel 'T'"),
        (Cluster.CRYPTO, "XA.X:BTC", "no pair with a known quote currency"),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused_before_anything_is_sent(
    cluster: Cluster, name: str, words: str
) -> None:
    """The error names the subscription and what there is; nobody listens at that address."""
    with pytest.raises(UsageError, match=words) as caught:
        ear("ws://127.0.0.1:1", name, cluster=cluster)
    assert caught.value.remedy


def test_more_quotes_of_options_than_one_connection_carries_are_refused() -> None:
    """The vendor's limit is known before the vendor has to say so."""
    names = [f"Q.O:SPY241220P{strike:08}" for strike in range(1001)]
    with pytest.raises(UsageError, match="1,001 option contracts"):
        ear("ws://127.0.0.1:1", *names, cluster=Cluster.OPTIONS)


@pytest.mark.parametrize("url", ["http://h", "ws://stream.example.com", "wss://user:pw@h", "wss://", "h"])
def test_an_address_that_would_not_do_is_refused(url: str) -> None:
    """Neither another protocol, nor a key in the clear across the internet, nor a password in an address."""
    with pytest.raises(UsageError, match="FOREBAY_STREAM_URL") as caught:
        ear(url)
    assert "pw" not in str(caught.value)


def test_pairs_are_asked_for_in_the_streams_spelling() -> None:
    """X:BTCUSD is `BTC-USD` on its cluster, and C:EURUSD `EUR/USD`."""

    async def talk(cluster: Cluster, name: str) -> list[str]:
        asked: list[str] = []

        async def noting(peer: Peer) -> None:
            await peer.greet()
            asked.extend(await peer.grant())
            await peer.stay()

        async with scripted(noting) as url:
            listener = ear(url, name, cluster=cluster)
            await listener.until(count(Subscribed))
        assert [named(name)] == [one.subscriptions for one in listener.all(Subscribed)]
        return asked

    assert ["XA.BTC-USD"] == asyncio.run(talk(Cluster.CRYPTO, "XA.X:BTCUSD"))
    assert ["CA.EUR/USD"] == asyncio.run(talk(Cluster.FOREX, "CA.C:EURUSD"))


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
            limits = replace(QUICK, queue=2 * MEBIBYTE, frame=MEBIBYTE, overflow=Overflow.STOP)
            listener = ear(url, "T.*", limits=limits)
            health = listener.session.health
            async with asyncio.timeout(10), aclosing(listener.session.run()) as run:
                async for one in run:
                    listener.heard.append(one)
                    await soon(lambda: health.pauses)
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


def test_subscriptions_change_at_run_time_and_are_kept() -> None:
    """What was added is asked for again on the next connection, what was removed is not."""
    asked: list[dict[str, str]] = []

    async def noting(peer: Peer) -> None:
        await peer.greet()
        while True:
            request = await peer.hear()
            asked.append(request)
            verb = "subscribed" if request["action"] == "subscribe" else "unsubscribed"
            await peer.say(*(status("success", f"{verb} to: {name}") for name in request["params"].split(",")))
            if verb == "unsubscribed":
                peer.drop()

    async def talk() -> None:
        async with scripted(noting) as url:
            listener = ear(url, "T.AAPL", "T.MSFT")
            stages = itertools.count()
            async with asyncio.timeout(10), aclosing(listener.session.run()) as run:
                async for one in run:
                    listener.heard.append(one)
                    if isinstance(one, Subscribed) and (stage := next(stages)) == 0:
                        listener.session.add(named("T.NVDA", "T.AAPL"))
                    elif isinstance(one, Subscribed) and stage == 1:
                        listener.session.remove(named("T.MSFT"))
                    elif some_end(listener.heard):
                        break
            assert named("T.AAPL", "T.NVDA") == listener.session.active
        assert ["T.AAPL,T.MSFT", "T.NVDA", "T.MSFT", "T.AAPL,T.NVDA"] == [one["params"] for one in asked]
        assert ["subscribe", "subscribe", "unsubscribe", "subscribe"] == [one["action"] for one in asked]

    asyncio.run(talk())


def test_what_is_removed_while_it_is_asked_for_is_given_up() -> None:
    """Its answer is waited for no longer, and the vendor is told; what is added again later is asked for again."""
    asked: list[tuple[str, str]] = []

    async def hesitating(peer: Peer) -> None:
        await peer.greet()
        while True:
            request = await peer.hear()
            asked.append((request["action"], request["params"]))
            if len(asked) > 1 and request["action"] == "subscribe":
                await peer.say(status("success", f"subscribed to: {request['params']}"))

    async def talk() -> None:
        async with scripted(hesitating) as url:
            listener = ear(url, "T.AAPL")
            listening = asyncio.create_task(listener.until(count(Subscribed)))
            await soon(lambda: asked)
            listener.session.remove(named("T.AAPL"))
            await soon(lambda: len(asked) == 2)
            listener.session.add(named("T.AAPL"))
            await listening
        assert [("subscribe", "T.AAPL"), ("unsubscribe", "T.AAPL"), ("subscribe", "T.AAPL")] == asked
        assert [] == listener.all(Refused)

    asyncio.run(talk())


def test_a_subscription_added_later_is_checked_like_the_first() -> None:
    """A typo at run time costs the caller an error and the session nothing."""
    listener = ear("ws://127.0.0.1:1")
    with pytest.raises(UsageError, match="no channel 'ZZ'"):
        listener.session.add(named("ZZ.AAPL"))
    assert 0 == listener.session.health.unasked


def test_one_that_was_granted_before_and_is_not_again_is_the_lines_fault() -> None:
    """A channel that worked is known to the vendor: the connection is given up, and the next one asked."""

    async def forgetful(peer: Peer) -> None:
        await peer.greet()
        await peer.stay()

    async def dropping(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        peer.drop()

    async def talk() -> None:
        async with scripted(dropping, forgetful, willing) as url:
            listener = ear(url, limits=replace(QUICK, acknowledge=0.3))
            await listener.until(some_end)
        assert ["closed without a word", "not acknowledged again: T.AAPL"] == [w.detail for w in listener.all(Waiting)]
        assert [] == listener.all(Refused)

    asyncio.run(talk())


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


def test_a_queue_without_room_for_a_frame_is_refused() -> None:
    """It would wait for ever for room that there cannot be."""
    with pytest.raises(UsageError, match="cannot hold the largest frame"):
        SessionLimits(queue=100, frame=100)
