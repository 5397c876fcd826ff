from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import polars as pl
import pytest
from asking import every_page, get, results
from listening import bars_of, knocking, listening
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from forebay.sandbox.server import MAX, Sandbox

DAY = date(2026, 3, 5)
START = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
"""The opening bell in New York, in winter time."""
END = datetime(2026, 3, 5, 15, 0, 5, tzinfo=UTC)


@pytest.fixture
def vendor() -> Iterator[Sandbox]:
    """Half an hour of twenty stocks, as fast as it is read."""
    with Sandbox(tickers=20, stream_from=START, stream_until=END, stream_speed=MAX) as running:
        yield running


def test_the_minutes_are_the_markets_own(vendor: Sandbox) -> None:
    """Every minute bar of the wildcard is the truth's, none is missing, none comes twice."""
    with listening(vendor, "stocks", "AM.*") as ear:
        events = ear.heard_until(vendor, END)
    start = pl.col("window_start").dt.epoch("ms").alias("start")
    truth = (
        vendor.market.bars("stocks", "bars_1m", DAY, DAY)
        .filter(pl.col("window_start").is_between(START, END.replace(minute=0, second=0), closed="left"))
        .select("ticker", start, "open", "high", "low", "close", "volume")
    )
    assert truth.height == len(events) > 100
    assert truth.equals(bars_of(events).cast(dict(truth.schema)))


def test_the_seconds_are_those_of_rest(vendor: Sandbox) -> None:
    """Second bars are the truth's too; REST gives the same ones, up to the replayed moment."""
    with listening(vendor, "stocks", "A.AAPL", "A.MSFT") as ear:
        heard = bars_of(ear.heard_until(vendor, END))
    start = pl.col("window_start").dt.epoch("ms").alias("start")
    truth = vendor.market.second_bars("stocks", START, END.replace(second=3)).select(
        "ticker", start, "open", "high", "low", "close", "volume"
    )
    truth = truth.filter(pl.col("start") >= START.timestamp() * 1000 - 2000)
    wanted = truth.filter(pl.col("ticker").is_in(["AAPL", "MSFT"]))
    after = heard.filter(pl.col("start") >= START.timestamp() * 1000)
    assert wanted.height == after.height > 100
    assert wanted.equals(after.cast(dict(wanted.schema)))
    path = f"/v2/aggs/ticker/AAPL/range/1/second/{int(START.timestamp() * 1000)}/{DAY}"
    rows = results(every_page(vendor, path, adjusted="false", limit=50))
    asked = pl.DataFrame([(r["t"], r["o"], r["h"], r["l"], r["c"], float(r["v"])) for r in rows], orient="row")
    expected = wanted.filter(pl.col("ticker") == "AAPL").drop("ticker").rows()
    assert expected == asked.rows()[: len(expected)]
    assert max(asked["column_0"]) < END.timestamp() * 1000


def test_rest_knows_no_more_than_what_is_replayed(vendor: Sandbox) -> None:
    """REST lives in the replayed time: a minute is there as soon as it was sent, and none that was not."""
    moment = START.replace(minute=40)
    vendor.stream.step_to(moment)
    assert vendor.stream.clock.now() == moment
    path = f"/v2/aggs/ticker/AAPL/range/1/minute/{DAY}/{DAY}"
    assert get(vendor, path, limit=5000)["results"][-1]["t"] == moment.timestamp() * 1000 - 60_000


def test_subscriptions_are_acknowledged_as_the_vendor_does(vendor: Sandbox) -> None:
    """One acknowledgement a pair, in one frame; none for an unknown channel or what is subscribed to already."""
    with listening(vendor) as ear:
        asked = "T.AAPL, A.AAPL,ZZ.AAPL,AM.NOTICKER,T.AAPL,NOI.AAPL,AM.*"
        expected = [f"subscribed to: {one}" for one in ("T.AAPL", "A.AAPL", "AM.NOTICKER")]
        assert [*expected, "not authorized", "subscribed to: AM.*"] == ear.subscribe(asked)
        ear.say("unsubscribe", "T.AAPL,T.MSFT")
        answer = next(frame for frame in iter(ear.frame, None) if frame[0]["ev"] == "status")
        assert ["unsubscribed to: T.AAPL"] == [event["message"] for event in answer]


def test_a_wrong_key_ends_the_connection(vendor: Sandbox) -> None:
    """The vendor says so and drops the connection without a close frame."""
    with knocking(vendor) as ear:
        ear.say("auth", "another key")
        assert [("auth_failed", "authentication failed")] == ear.statuses()
        with pytest.raises(ConnectionClosedError) as caught:
            ear.frame()
    assert caught.value.rcvd is None


def test_a_path_without_a_cluster_is_not_found(vendor: Sandbox) -> None:
    """Only the clusters can be connected to."""
    with pytest.raises(InvalidStatus, match="404"), knocking(vendor, "bonds"):
        pass


def test_a_drop_ends_the_connection_without_a_word(vendor: Sandbox) -> None:
    """TCP ends, no close frame comes, and the place is free again."""
    with listening(vendor, "stocks", "AM.AAPL") as ear:
        vendor.stream.wait_for_subscribers()
        assert vendor.stream.drop() == 1
        with pytest.raises(ConnectionClosedError) as caught:
            list(iter(ear.frame, None))
    assert caught.value.rcvd is None
    with listening(vendor, "stocks", "AM.AAPL"):
        assert vendor.stream.accepted == 2
