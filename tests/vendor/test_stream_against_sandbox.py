"""A session against the simulated vendor: another reading of the same pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forebay.clock import SystemClock
from forebay.errors import NotEntitled, WrongKey
from forebay.model.live import Cause, Cluster
from forebay.model.message import BarMessage
from forebay.sandbox.server import MAX, Sandbox
from forebay.vendor.stream.heard import Frame, Refused, Subscribed, Waiting
from forebay.vendor.stream.limits import delay_of
from stream_server import QUICK, Ear, count, ear, named, some_end, soon

DAY = date(2026, 3, 5)
START = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
END = datetime(2026, 3, 5, 15, 0, 5, tzinfo=UTC)
LAST = END.replace(second=0) - timedelta(minutes=1)
LIMITS = replace(QUICK, overlap=15, silence=0.3, cooldown=0.01)


@pytest.fixture
def vendor() -> Iterator[Sandbox]:
    """Half an hour of twenty stocks, as fast as it is read."""
    with Sandbox(tickers=20, stream_from=START, stream_until=END, stream_speed=MAX) as running:
        yield running


def truth(vendor: Sandbox) -> pl.DataFrame:
    bars = vendor.market.bars("stocks", "bars_1m", DAY, DAY)
    half_hour = bars.filter(pl.col("window_start").is_between(START, LAST))
    return half_hour.select("ticker", "window_start", "open", "high", "low", "close", "volume")


def listener_of(vendor: Sandbox, *names: str, **more: object) -> Ear:
    key = vendor.env["POLYGON_API_KEY"]
    settings = {"key": key, "clock": vendor.stream.clock, "limits": LIMITS} | more
    return ear(vendor.env["FOREBAY_STREAM_URL"], *names, **settings)  # type: ignore[arg-type]


def told(listener: Ear) -> pl.DataFrame:
    """The bars that were told; of those that came twice, the last."""
    bars = [one for frame in listener.all(Frame) for one in frame.decoded.messages if isinstance(one, BarMessage)]
    rows = [(b.symbol, b.timestamp, b.open, b.high, b.low, b.close, b.volume) for b in bars]
    columns = ["ticker", "window_start", "open", "high", "low", "close", "volume"]
    table = pl.DataFrame(rows, schema=columns, orient="row")
    start = pl.from_epoch("window_start", "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    return table.with_columns(start).unique(["ticker", "window_start"], keep="last")


def told_all(listener: Ear) -> bool:
    """Whether the last minute's bars came."""
    told = (one.timestamp for frame in listener.all(Frame)[-1:] for one in frame.decoded.messages)
    return max(told, default=0) >= LAST.timestamp() * 1000


def test_a_half_hour_is_heard_bar_by_bar(vendor: Sandbox) -> None:
    """Every bar of the wildcard is the market's own, none is bad, none unknown."""
    listener = listener_of(vendor, "AM.*", limits=QUICK)
    asyncio.run(listener.until(lambda _: told_all(listener), seconds=30))
    expected = truth(vendor)
    assert_frame_equal(expected, told(listener), check_row_order=False)
    health = listener.session.health
    assert (0, 0, 0) == (health.bad, health.unknown, health.interruptions)


def test_what_was_not_heard_lies_within_the_interruptions(vendor: Sandbox) -> None:
    """Dropped, evicted, stalled, fed garbage: bars told and bars of the intervals named are all bars there are."""
    stream, minutes = vendor.stream, iter(range(4, 30, 2))

    def go_on() -> None:
        stream.step_to(START + timedelta(minutes=next(minutes), seconds=1))

    async def trouble(listener: Ear) -> None:
        await soon(lambda: listener.all(Subscribed))
        for number, strike in enumerate((stream.drop, stream.evict, stream.stall), 1):
            await asyncio.to_thread(go_on)
            await asyncio.to_thread(strike)
            if strike == stream.stall:
                await asyncio.to_thread(go_on)
            await soon(lambda wanted=number: len(listener.ended) == wanted)
        await asyncio.to_thread(stream.inject, '[{"ev":"AM","sym":"AAPL","o":-1},{"ev":"ZZ"},{"ev":"A","sym":7}]')
        await asyncio.to_thread(stream.step_to, END)

    async def talk() -> Ear:
        stream.pause()
        listener = listener_of(vendor, "AM.*", meanwhile=go_on)
        troubling = asyncio.create_task(trouble(listener))
        await listener.until(lambda _: told_all(listener), seconds=30)
        await troubling
        return listener

    listener = asyncio.run(talk())
    assert [Cause.CLOSED, Cause.EVICTED, Cause.SILENT] == [one.cause for one in listener.ended]
    assert (2, 1) == (listener.session.health.bad, listener.session.health.unknown)
    heard, all_bars = told(listener), truth(vendor)
    missed = pl.any_horizontal(
        (pl.col("window_start") <= one.ended) & (pl.col("window_start") + timedelta(minutes=1) > one.began)
        for one in listener.ended
    )
    assert heard.height < all_bars.height
    together = pl.concat([all_bars.filter(missed), heard]).unique(["ticker", "window_start"], keep="last")
    assert_frame_equal(all_bars, together, check_row_order=False)


def test_refusals_are_the_simulations_too(vendor: Sandbox) -> None:
    """A wrong key ends it; a channel that is not in the plan is refused alone."""
    with pytest.raises(WrongKey):
        asyncio.run(listener_of(vendor, "AM.AAPL", key="another").until(count(Frame)))
    with Sandbox(tickers=5, vendor_plan="developer") as developer:
        url = developer.env["FOREBAY_STREAM_URL"]
        limits = replace(LIMITS, delay=delay_of(url))
        listener = listener_of(developer, "Q.AAPL", "AM.AAPL", limits=limits, clock=SystemClock())
        asyncio.run(listener.until(count(Subscribed)))
    assert 900 == limits.delay
    (refused,) = listener.all(Refused)
    assert named("Q.AAPL") == refused.subscriptions
    assert isinstance(refused.error, NotEntitled)


def test_a_plan_without_a_stream_is_told() -> None:
    """The basic plan has none."""
    with Sandbox(tickers=5, vendor_plan="basic") as basic, pytest.raises(NotEntitled, match="no stream of crypto"):
        asyncio.run(listener_of(basic, "XA.X:BTCUSD", cluster=Cluster.CRYPTO).until(count(Frame)))


def test_a_ticker_that_does_not_exist_is_granted_like_any_other(vendor: Sandbox) -> None:
    """The vendor acknowledges it and never sends a thing: whoever knows the tickers sees it in what was granted."""
    listener = listener_of(vendor, "AM.NOTICKER", "AM.AAPL", limits=QUICK)
    asyncio.run(listener.until(count(Frame)))
    granted = {one for each in listener.all(Subscribed) for one in each.subscriptions}
    assert {*named("AM.NOTICKER", "AM.AAPL")} == granted
    assert [] == listener.all(Refused)


@pytest.mark.parametrize(
    ("cluster", "names"),
    [
        (Cluster.STOCKS, ["T.*", "Q.*", "A.*", "AM.*"]),
        (Cluster.OPTIONS, ["AM.*", "A.*", "T.*"]),
        (Cluster.INDICES, ["V.*", "A.*", "AM.*"]),
        (Cluster.FOREX, ["C.C:EURUSD", "CA.*", "CAS.C:EURUSD"]),
        (Cluster.CRYPTO, ["XT.X:BTCUSD", "XQ.*", "XA.X:BTCUSD", "XAS.*"]),
    ],
)
def test_every_channel_of_every_cluster_is_understood(vendor: Sandbox, cluster: Cluster, names: list[str]) -> None:
    """All are granted, something comes of it, and nothing of that is bad or unknown."""
    listener = listener_of(vendor, *names, cluster=cluster, limits=QUICK)
    asyncio.run(listener.until(lambda _: listener.session.health.messages > 50, seconds=20))
    health = listener.session.health
    assert [] == listener.all(Refused)
    assert set(named(*names)) == {one for granted in listener.all(Subscribed) for one in granted.subscriptions}
    assert (0, 0, 0) == (health.bad, health.unknown, health.unasked)


def test_the_server_may_be_started_anew(vendor: Sandbox) -> None:
    """While it is away the session tries again, and goes on where the new one is."""
    port = vendor.stream_port

    async def talk(second: Sandbox) -> Ear:
        listener = listener_of(vendor, "AM.*")
        listening = asyncio.create_task(listener.until(some_end, seconds=20))
        await soon(lambda: listener.all(Subscribed))
        await asyncio.to_thread(vendor.stream.stop)
        await soon(lambda: listener.all(Waiting))
        with second:
            await listening
        return listener

    listener = asyncio.run(talk(Sandbox(tickers=5, stream_port=port, stream_from=END)))
    assert [Cause.CLOSED] == [one.cause for one in listener.ended]
