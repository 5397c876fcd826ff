"""Live data through every link at once, each a real process: whatever fails, lake and database equal the market."""

from __future__ import annotations

from collections import Counter

import polars as pl
from chain import BARS, HOUR, MINUTE, PATIENCE, START, UNTIDY, Chain, until
from kafka_server import tansu
from polars.testing import assert_frame_equal
from postgres_server import postgres_server
from s3_server import a_bucket

from forebay.model.live import Cause
from forebay.sandbox.server import MAX, Sandbox

MEBIBYTE = 1 << 20
TROUBLE = [
    {"kind": "stream_drop", "events": 300, "times": 1},
    {"kind": "stream_evicted", "events": 500, "times": 1},
    {"kind": "stream_slow_consumer", "events": 700, "times": 1},
    {"kind": "stream_stall", "events": 900, "times": 1},
    {"kind": "stream_malformed", "channel": "AM", "every": 600},
    {"kind": "stream_malformed", "channel": "A", "every": 2000},
    *UNTIDY,
]


_LAST_CHANGE = 10 * MINUTE
"""After its start, the last minute of that time is told for the last time: late, then restated (`TROUBLE`)."""


def close_the_seam(chain: Chain) -> None:
    """Go on until the vendor tells nothing new of that time, and everything that began in it is made good."""

    def closed() -> bool:
        chain.go_to(chain.vendor.stream.clock.now() + MINUTE)
        return not chain.owed()

    chain.go_to(chain.last + _LAST_CHANGE)
    until(closed, "every interruption to be made good", 0.2)


def check(chain: Chain, timeframe: str, rows: pl.DataFrame) -> None:
    """They are the market's bars; refilled ones know their transactions, and others do not say."""
    truth = chain.truth(timeframe)
    assert_frame_equal(truth.select(BARS), rows.select(BARS))
    assert {"stream", "rest"} == set(rows["source"])
    told = rows.join(truth, on=["ticker", "window_start"]).filter(pl.col("transactions").is_not_null())
    assert told.height
    assert told["transactions_right"].to_list() == told["transactions"].to_list()


def check_all(chain: Chain) -> None:
    """The lake once the stream has ended in order, the database once a consumer has nothing left to read."""
    assert chain.peak("stream") < 400 * MEBIBYTE
    assert (0, 0) == (chain.stop("stream"), chain.stop("consume")), chain.said("stream")
    chain.start("consume", "--once")
    assert 0 == chain.running["consume"].wait(PATIENCE), chain.said("consume")
    check(chain, "1m", chain.in_lake())
    check(chain, "1m", chain.in_database("ohlcv_1m"))
    check(chain, "1s", chain.in_database("ohlcv_1s"))


def causes_of(chain: Chain) -> Counter[str]:
    """Why it was interrupted in that time, as listed; each is closed, with evidence."""
    listed = [one for one in chain.interruptions() if one["began"] < chain.last.isoformat()]
    assert [] == [one for one in listed if not (one["closed_at"] and one["evidence"].get("calls"))]
    return Counter(one["cause"] for one in listed)


def test_an_hour_of_trouble(tmp_path, kafka) -> None:
    """Cut, evicted, too slow, stalled; malformed, late, repeated, restated: the market's bars, row for row."""
    with (
        Sandbox(tickers=32, stream_from=START, stream_speed=MAX, faults=TROUBLE) as vendor,
        postgres_server() as server,
        Chain(tmp_path, vendor, kafka, server, START + HOUR, {"KAFKA_TOPIC_PREFIX": "trouble"}) as chain,
    ):
        chain.start("consume")
        chain.stream()
        for part in range(1, 13):
            vendor.stream.wait_for_subscribers()
            chain.go_to(START + part * HOUR / 12)
        close_the_seam(chain)

        check_all(chain)
        expected = {Cause.STOPPED, Cause.CLOSED, Cause.EVICTED, Cause.SLOW, Cause.SILENT, Cause.MALFORMED}
        assert expected <= causes_of(chain).keys()


def test_every_link_is_killed_once(tmp_path) -> None:
    """Database, stream, consumer and broker die and come back while data flow: nothing is lost, nothing twice."""
    with (
        Sandbox(tickers=30, stream_from=START, stream_speed=MAX) as vendor,
        a_bucket() as bucket,
        tansu(bucket) as broker,
        postgres_server() as server,
        Chain(tmp_path, vendor, broker, server, START + HOUR / 2, {"STREAM_SILENCE": "60"}) as chain,
    ):
        chain.start("consume")
        chain.stream()
        parts = (
            (lambda: server.stop("fast"), server.start),
            (server.kill, server.start),
            (lambda: chain.kill("stream"), chain.stream),
            (lambda: chain.kill("consume"), lambda: chain.start("consume")),
            (broker.kill, broker.start),
        )
        stored = 0
        for number, (end, begin) in enumerate(parts):
            chain.go_to(START + (6 * number + 3) * MINUTE)
            until(lambda before=stored: chain.in_database("ohlcv_1s").height > before, "new rows", 0.5)
            stored = chain.in_database("ohlcv_1s").height
            end()
            chain.go_to(START + (6 * number + 5) * MINUTE)
            begin()
        chain.go_to(START + HOUR / 2)
        close_the_seam(chain)

        check_all(chain)
        assert {Cause.STOPPED: 2} == causes_of(chain)
