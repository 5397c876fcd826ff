"""What may be subscribed to, what the vendor grants and refuses, and how it changes at run time."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from dataclasses import replace

import pytest

from forebay.errors import NotEntitled, UsageError
from forebay.model.live import Cluster
from forebay.vendor.stream.heard import Frame, Refused, Subscribed, Waiting
from stream_server import (
    QUICK,
    Peer,
    count,
    ear,
    named,
    scripted,
    some_end,
    soon,
    status,
    trade,
    willing,
)


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
