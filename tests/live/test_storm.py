"""An hour of the simulated market in which everything goes wrong that can: in the end every bar is in the lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from running import DAY, START, running, until

from forebay.app import App
from forebay.ledger.interruptions import Interruptions
from forebay.model.live import Cause
from forebay.sandbox.server import MAX, Sandbox

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FAULTS = [
    {"kind": "stream_drop", "events": 60, "times": 1},
    {"kind": "stream_evicted", "events": 90, "times": 1},
    {"kind": "stream_slow_consumer", "events": 120, "times": 1},
    {"kind": "stream_stall", "events": 100, "times": 1},
    {"kind": "stream_malformed", "channel": "AM", "every": 40},
    {"kind": "stream_broken_json", "times": 1},
    {"kind": "stream_duplicate", "every": 7},
    {"kind": "stream_late", "channel": "AM", "every": 9, "seconds": 90},
    {"kind": "stream_restated", "channel": "AM", "every": 5, "seconds": 300},
    {"kind": "stream_unknown_event", "every": 11},
]


@pytest.fixture
def replay() -> Iterator[Sandbox]:
    with Sandbox(tickers=30, stream_from=START, stream_speed=MAX, faults=FAULTS) as vendor:
        vendor.stream.pause()
        yield vendor


def test_an_hour_of_trouble_ends_in_the_markets_bars(replay: Sandbox, open_at: Callable[..., App]) -> None:
    """Drops, an eviction, a slow-consumer kill, a stall, malformed, late, repeated and restated bars: row for row."""
    app = open_at(STREAM_COOLDOWN="0", STREAM_SILENCE="2")
    book = Interruptions(app.ledger.database, app.clock)
    with running(app, "AM.*") as run:
        for part in range(1, 17):
            replay.stream.wait_for_subscribers()
            replay.stream.step_to(START + part * HOUR / 12)

        def closed_after_a_while() -> bool:
            replay.stream.step_to(min(replay.stream.clock.now() + MINUTE, START + 3 * HOUR))
            return not [one for one in book.open() if one.interruption.began < START + HOUR]

        until(closed_after_a_while, "every interruption of the hour to be closed")

    assert (None, True) == (run.error, run.drained)
    found = app.lake.bars(None, "1m", DAY, DAY, asset_class="stocks")
    columns = ("ticker", "window_start", "open", "high", "low", "close", "volume")
    hour = pl.col("window_start").is_between(START, START + HOUR, closed="left")
    truth = replay.market.bars("stocks", "bars_1m", DAY, DAY).filter(hour).select(columns)
    assert truth.height > 900
    assert_frame_equal(truth.sort("ticker", "window_start"), found.filter(hour).select(columns).collect())
    causes = Counter(noted.interruption.cause for noted in book.find())
    assert {Cause.STOPPED, Cause.CLOSED, Cause.EVICTED, Cause.SLOW, Cause.SILENT, Cause.MALFORMED} <= causes.keys()
    assert app.quarantine.list("stocks/bars_1m")
