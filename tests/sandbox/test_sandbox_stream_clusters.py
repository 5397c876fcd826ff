from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import massive
import polars as pl
import pytest
from listening import knocking, listening
from massive.websocket.models import EquityAgg, EquityTrade

from forebay.sandbox.server import MAX, Sandbox
from forebay.testing import FakeClock

EXAMPLES = Path(__file__).parents[1] / "data/vendor/ws/events.json"
START = datetime(2026, 3, 5, 14, 45, tzinfo=UTC)
END = START + timedelta(minutes=3)
NEWER = {"dv", "dav", "ds", "pt", "trfi", "trft"}
"""Fields that the vendor's stream has and its published examples have not."""
SOMETIMES = {"c", "i", "otc", "op", "vw"}
"""Fields that are left out where they have no value."""
WITHOUT_END = {"CA", "CAS"}
"""Channels whose published examples lack `e`, which the reference lists."""


def replay(plan: str = "advanced", **more: object) -> Sandbox:
    """Three minutes of the market."""
    settings = {"stream_from": START, "stream_until": END, "stream_speed": MAX, **more}
    return Sandbox(tickers=20, vendor_plan=plan, **settings)


@pytest.mark.parametrize(
    ("cluster", "channels"),
    [
        ("stocks", "T Q A AM"),
        ("options", "T A AM"),
        ("indices", "V A AM"),
        ("forex", "C CA CAS"),
        ("crypto", "XT XA XAS"),
    ],
)
def test_events_have_the_fields_of_the_vendors_own(cluster: str, channels: str) -> None:
    """Every event of every cluster has the fields of the published example, with values of the same types."""
    examples = json.loads(EXAMPLES.read_text())
    with replay() as vendor, listening(vendor, cluster, *(f"{channel}.*" for channel in channels.split())) as ear:
        heard = ear.heard_until(vendor, END)
    assert set(channels.split()) == {event["ev"] for event in heard}
    for event in heard:
        example = examples[f"/{cluster}/{event['ev']}"]
        added = NEWER | ({"e"} if event["ev"] in WITHOUT_END else set())
        assert not set(event) - set(example) - added - SOMETIMES
        assert not set(example) - set(event) - SOMETIMES
        for name in set(example) & set(event) - {"ev"}:
            assert _sort(example[name]) == _sort(event[name]), (name, event)


def _sort(value: Any) -> str:
    return "number" if isinstance(value, int | float) else type(value).__name__


def test_quotes_of_options_are_limited() -> None:
    """No wildcard, and a thousand contracts at most."""
    with replay() as vendor, listening(vendor, "options") as ear:
        assert ["not authorized"] == ear.subscribe("Q.*")
        answers = ear.subscribe(*(f"Q.O:SPY260320C{strike:08d}" for strike in range(1001)))
    assert "not authorized" == answers[-1]
    assert 1000 == sum(answer.startswith("subscribed to: ") for answer in answers)


def test_the_delayed_host_is_a_quarter_of_an_hour_behind() -> None:
    """What it sends now went out at the other host 15.0 minutes ago."""
    behind = timedelta(minutes=15)
    with replay(plan="starter", stream_from=START + behind, stream_until=END + behind) as vendor:
        assert vendor.env["FOREBAY_STREAM_URL"] == f"{vendor.stream_url}/delayed"
        with listening(vendor, "delayed/stocks", "AM.AAPL") as ear:
            late = ear.heard_until(vendor, END + behind)
        path = f"/v2/aggs/ticker/AAPL/range/1/minute/{START:%Y-%m-%d}/{START:%Y-%m-%d}"
        assert "DELAYED" == massive_get(vendor, path)["status"]
        assert late[-1]["s"] == massive_get(vendor, path)["results"][-1]["t"]
    with replay() as vendor, listening(vendor, "stocks", "AM.AAPL") as ear:
        assert late == ear.heard_until(vendor, END)


def massive_get(vendor: Sandbox, path: str) -> dict[str, Any]:
    """A REST answer, by the official client."""
    client = massive.RESTClient(api_key=vendor.env["POLYGON_API_KEY"], base=vendor.url)
    return json.loads(client._get(path, raw=True).data)


@pytest.mark.parametrize(
    ("plan", "place", "admitted"),
    [
        ("basic", "stocks", False),
        ("basic", "delayed/stocks", False),
        ("starter", "stocks", False),
        ("starter", "delayed/stocks", True),
        ("advanced", "delayed/stocks", True),
    ],
)
def test_the_plan_says_which_host(plan: str, place: str, *, admitted: bool) -> None:
    """A plan without streaming, or with delayed data only, is turned away."""
    refusal = ("auth_failed", "Your plan doesn't include websocket access.")
    with replay(plan=plan) as vendor, knocking(vendor, place) as ear:
        ear.say("auth", vendor.env["POLYGON_API_KEY"])
        assert [("auth_success", "authenticated") if admitted else refusal] == ear.statuses()


@pytest.mark.parametrize(
    ("plan", "refused"),
    [("starter", ["T", "Q", "LULD", "NOI"]), ("developer", ["Q", "LULD", "NOI"]), ("advanced", ["NOI"])],
)
def test_the_plan_says_which_channels(plan: str, refused: list[str]) -> None:
    """`not authorized` for each channel that the plan leaves out; the connection stays."""
    channels = ["A", "AM", "T", "Q", "LULD", "NOI"]
    with replay(plan=plan) as vendor, listening(vendor, "delayed/stocks") as ear:
        answers = ear.subscribe(*(f"{channel}.AAPL" for channel in channels))
    words = ["not authorized" if one in refused else f"subscribed to: {one}.AAPL" for one in channels]
    assert words == answers


def test_nothing_comes_while_the_market_is_closed() -> None:
    """From Saturday's midnight to its evening no stock trades, and crypto does."""
    saturday = datetime(2026, 3, 7, 5, 0, tzinfo=UTC)
    end = saturday + timedelta(hours=1)
    with (
        replay(stream_from=saturday, stream_until=end) as vendor,
        listening(vendor, "stocks", "A.*", "AM.*", "T.*", "Q.*") as stocks,
        listening(vendor, "crypto", "XA.*") as crypto,
    ):
        assert crypto.heard_until(vendor, end)
        assert [] == stocks.heard_until(vendor, end)


def test_the_official_client_listens() -> None:
    """The vendor's own client connects, subscribes, reads bars and trades, and reconnects after a drop."""
    heard: list[Any] = []

    async def listen(vendor: Sandbox) -> None:
        client = massive.WebSocketClient(
            api_key=vendor.env["POLYGON_API_KEY"],
            feed=vendor.stream_url.removeprefix("ws://"),
            market="stocks",
            secure=False,
            subscriptions=["AM.*", "T.AAPL"],
        )

        async def take(messages: list[Any]) -> None:
            heard.extend(messages)
            if vendor.stream.accepted == 1:
                await asyncio.to_thread(vendor.stream.drop)
            elif len(heard) > 50:
                await client.close()

        await asyncio.wait_for(client.connect(take), 20)

    with replay(stream_until=None) as vendor:
        asyncio.run(listen(vendor))
        assert vendor.stream.accepted == 2
        bar = next(one for one in heard if isinstance(one, EquityAgg))
        start = pl.from_epoch(pl.Series([bar.start_timestamp]), time_unit="ms").dt.replace_time_zone("UTC")[0]
        truth = vendor.market.bars("stocks", "bars_1m", START.date(), START.date())
        row = truth.filter((pl.col("ticker") == bar.symbol) & (pl.col("window_start") == start)).row(0, named=True)
    assert (row["open"], row["close"]) == (bar.open, bar.close)
    assert {"AAPL"} == {one.symbol for one in heard if isinstance(one, EquityTrade)}


def test_without_a_replay_it_follows_the_clock() -> None:
    """The stream sends what the sandbox's own clock has passed, and waits for the rest."""
    clock = FakeClock(START)
    with Sandbox(tickers=20, clock=clock) as vendor, listening(vendor, "stocks", "AM.*") as ear:
        clock.advance(120)
        heard = ear.heard_until(vendor, START + timedelta(seconds=120))
        assert {(START.timestamp() + 60) * 1000, (START.timestamp() + 120) * 1000} == {one["e"] for one in heard}


def test_a_replay_is_held_and_goes_on() -> None:
    """It stands where it is paused or stepped to, and goes on from there at its speed."""
    with replay(stream_speed=1000.0, stream_until=None) as vendor, listening(vendor, "stocks", "AM.*") as ear:
        vendor.stream.pause()
        vendor.stream.step_to(END)
        assert END == vendor.stream.clock.now()
        assert END.timestamp() * 1000 == max(event["e"] for event in ear.heard_until(vendor, END))
        vendor.stream.resume()
        vendor.stream.clock.sleep(120)
        assert ear.heard_until(vendor, END + timedelta(minutes=1))


def test_any_frame_can_be_injected() -> None:
    """A test may send what no rule makes."""
    with replay(stream_until=START) as vendor, listening(vendor, "stocks", "AM.*") as ear:
        assert 1 == vendor.stream.inject('[{"ev":"AM"}]')
        assert [{"ev": "AM"}] == ear.frame()
