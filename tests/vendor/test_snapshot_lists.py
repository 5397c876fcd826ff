"""Snapshots: the vendor's published answers, wrong ones, and the simulated market's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from forebay import Sandbox
from forebay.bars.snapshots import Expected, judge
from forebay.errors import NotEntitled, PageRejected, UsageError
from forebay.model.instrument import AssetClass
from forebay.model.snapshot import LastQuote, LastTrade, Prices, SnapshotVerdict
from forebay.testing import FakeClock
from forebay.vendor.limits import NoLimit
from forebay.vendor.rest import RestClient
from scripted import Asked, ScriptedServer, as_json

STOCKS, CRYPTO, FOREX = AssetClass.STOCKS, AssetClass.CRYPTO, AssetClass.FOREX
EXAMPLES = Path(__file__).parents[1] / "data" / "vendor" / "rest"
NOW = datetime(2025, 11, 20, 15, tzinfo=UTC)
"""Half an hour into New York's regular session."""
CLEARED = {"ticker": "T", "updated": 0, "day": {"o": 0, "h": 0, "l": 0, "c": 0, "v": 0, "vw": 0}}


@pytest.fixture
def client(server: ScriptedServer, clock: FakeClock) -> Iterator[RestClient]:
    with RestClient(server.url, "the-key", NoLimit(), clock, jitter=lambda: 0.0) as rest:
        yield rest


def answer(*rows: dict[str, Any], status: str = "OK") -> Any:
    return lambda _: as_json({"status": status, "count": len(rows), "tickers": list(rows)})


def test_a_published_answer(client: RestClient, server: ScriptedServer, clock: FakeClock) -> None:
    """Every field lands where it belongs; nanoseconds stay whole."""
    server.reply = lambda _: as_json(json.loads((EXAMPLES / "snapshot_stocks_all.json").read_text()))
    found = client.snapshots.of(STOCKS, ["BCAT", "XXXX"])
    assert ["BCAT"] == list(found)
    shown = found["BCAT"]
    assert (clock.now(), timedelta(), 1605192894630916600) == (shown.asked_at, shown.delay, shown.updated)
    assert Prices(20.64, 20.64, 20.506, 20.506, 37216, 20.616) == shown.day
    assert Prices(20.79, 21, 20.5, 20.63, 292738, 20.6939) == shown.previous
    start = datetime(2023, 5, 18, 16, 50, tzinfo=UTC)
    assert Prices(20.506, 20.506, 20.506, 20.506, 5000, 20.5105, 1, start) == shown.minute
    assert LastTrade(20.506, 2416, 1605192894630916600, 4, "71675577320245", "14,41") == shown.trade
    assert LastQuote(20.5, 13, 20.6, 22, 1605192959994246100) == shown.quote
    assert (-0.124, -0.601, 37216) == (shown.change, shown.change_percent, shown.accumulated_volume)
    assert date(2023, 5, 18) == shown.session_date


def test_zeros_are_no_prices(client: RestClient, server: ScriptedServer) -> None:
    """What the vendor clears in the night reaches nobody as a price of 0; a one-sided quote has one side."""
    quote = {"p": 0, "s": 0, "P": 11.5, "S": 2, "t": 1605192959994246100}
    server.reply = answer(
        {**CLEARED, "min": {"o": 0, "t": 0, "otc": True}, "lastTrade": {"p": 0, "t": 0}, "lastQuote": quote}
    )
    shown = client.snapshots.of(STOCKS, ["T"])["T"]
    assert (None, None, None, None, True) == (shown.day, shown.minute, shown.trade, shown.updated, shown.otc)
    assert LastQuote(None, None, 11.5, 2, 1605192959994246100) == shown.quote


def test_a_pair_has_its_own_quote(client: RestClient, server: ScriptedServer) -> None:
    """Forex quotes come as `a` and `b`, in milliseconds."""
    server.reply = answer({"ticker": "C:EURUSD", "lastQuote": {"a": 1.2, "b": 1.1, "t": 1605280919000, "x": 48}})
    shown = client.snapshots.of(FOREX, ["C:EURUSD"])["C:EURUSD"]
    assert LastQuote(1.1, None, 1.2, None, 1605280919000 * 10**6) == shown.quote


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (answer(status="ERROR"), "its status is 'ERROR'"),
        (answer({"ticker": "AAp"}), "about 'AAp', which was not asked for"),
        (answer({"ticker": "T"}, {"ticker": "T", "updated": 1}), "two different ones of T"),
        (answer({"day": {"o": 1}}), "cannot be read"),
        (answer({"ticker": 7}), "cannot be read"),
        (lambda _: as_json([]), "cannot be read"),
    ],
)
def test_an_answer_about_something_else_is_refused(
    client: RestClient, server: ScriptedServer, reply: Any, says: str
) -> None:
    """Another ticker's, two of one, nobody's: asked for again, and refused when it stays so."""
    server.reply = reply
    with pytest.raises(PageRejected, match=says):
        client.snapshots.of(STOCKS, ["T"])
    assert len(server.asked) > 1


@pytest.mark.parametrize("wrong", [{"updated": 10**19}, {"min": {"t": 10**16}}, {"day": {"o": "ten"}}, {"day": 1}])
def test_one_row_that_cannot_be_read_is_its_own(client: RestClient, server: ScriptedServer, wrong: Any) -> None:
    """Times of no calendar, a text as a price: the ticker is suspect, by the field that is wrong; others are not."""
    server.reply = answer({"ticker": "T", **wrong}, {**CLEARED, "ticker": "U"})
    found = client.snapshots.of(STOCKS, ["T", "U"])
    assert (1, "") == (len(server.asked), found["U"].fault)
    judged = judge(found["T"], Expected())
    assert SnapshotVerdict.SUSPECT == judged.verdict
    assert f"$.{next(iter(wrong))}" in judged.reasons[0]


def test_few_calls_for_many(client: RestClient, server: ScriptedServer) -> None:
    """A hundred tickers a call, each asked for once; beyond three hundred one call for all of them."""

    def named_in(asked: Asked) -> list[str]:
        return parse_qs(urlsplit(asked.path).query).get("tickers", ["T0"])[0].split(",")

    server.reply = lambda asked: answer(*({**CLEARED, "ticker": name} for name in named_in(asked)))(asked)
    names = [f"T{number}" for number in range(250)]
    assert sorted(names) == list(client.snapshots.of(STOCKS, names))
    named = [named_in(asked) for asked in server.asked]
    assert [100, 100, 50] == [len(some) for some in named]
    assert sorted(names) == sorted(name for some in named for name in some)
    server.asked.clear()
    assert ["T0"] == list(client.snapshots.of(STOCKS, [f"T{number}" for number in range(301)]))
    assert ["include_otc=true"] == [urlsplit(asked.path).query for asked in server.asked]
    assert {} == client.snapshots.of(STOCKS, [])


def test_a_class_without_snapshots_is_refused(client: RestClient) -> None:
    """The error names those that have some."""
    with pytest.raises(UsageError, match="no snapshots of options") as caught:
        client.snapshots.of(AssetClass.OPTIONS, ["O:SPY251219C00650000"])
    assert "stocks, crypto, forex" in caught.value.remedy


@pytest.mark.parametrize(("plan", "trade", "quote"), [("starter", False, False), ("advanced", True, True)])
def test_the_simulated_market(plan: str, *, trade: bool, quote: bool) -> None:
    """The day so far is the market's; a delayed plan says so, and shows neither trades nor quotes."""
    clock = FakeClock(NOW)
    with Sandbox(seed=3, tickers=12, vendor_plan=plan, start=date(2025, 11, 3), clock=clock) as vendor:
        rest = RestClient(vendor.url, vendor.env["POLYGON_API_KEY"], NoLimit(), clock)
        with rest as client:
            found = client.snapshots.of(STOCKS, ["AAPL", "aapl"])
            assert {"X:BTCUSD"} == client.snapshots.of(CRYPTO, ["X:BTCUSD"]).keys()
        shown = found["AAPL"]
        truth = vendor.market.bars("stocks", "bars_1d", date(2025, 11, 19), date(2025, 11, 19)).filter(ticker="AAPL")
    assert ["AAPL"] == list(found)
    assert shown.day is not None
    assert shown.previous is not None
    assert truth["close"].to_list() == [shown.previous.close]
    assert (trade, quote) == (shown.trade is not None, shown.quote is not None)
    assert timedelta(minutes=0 if plan == "advanced" else 15) == shown.delay
    assert shown.moment is not None
    assert shown.moment <= NOW - shown.delay


def test_a_plan_without_snapshots_says_so() -> None:
    """The free plan refuses the question: an error with a next step."""
    clock = FakeClock(NOW)
    with Sandbox(vendor_plan="basic", start=date(2025, 11, 3), clock=clock) as vendor:
        rest = RestClient(vendor.url, vendor.env["POLYGON_API_KEY"], NoLimit(), clock)
        with rest as client, pytest.raises(NotEntitled):
            client.snapshots.of(STOCKS, ["AAPL"])
