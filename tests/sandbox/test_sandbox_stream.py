from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import polars as pl
import pytest
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
