"""A sink that stands still: memory keeps its bound, what does not fit is let go in sight, and comes back by REST."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event

import polars as pl
from polars.testing import assert_frame_equal
from running import DAY, START, running, until

from forebay.app import App
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.live import Cause, Cluster
from forebay.model.message import BarMessage, Message
from forebay.sandbox.server import Sandbox
from forebay.vendor.stream.heard import State
from forebay.vendor.stream.limits import SessionLimits

NAMES = ("AAPL", "MSFT", "NVDA", "SPY")
COLUMNS = ("ticker", "window_start", "open", "high", "low", "close", "volume")


class Gate:
    """A sink in memory that keeps the last bar of each key, and can be shut."""

    name = "gate"

    def __init__(self) -> None:
        self.open = Event()
        self.bars: dict[tuple[str, str, int], BarMessage] = {}

    def send(self, messages: Sequence[Message]) -> None:
        assert self.open.wait(60)
        for each in messages:
            if isinstance(each, BarMessage):
                self.bars[each.timeframe, each.symbol, each.timestamp] = each

    def flush(self, seconds: float) -> None:
        """All is acknowledged at once."""

    def close(self) -> None:
        """Nothing to let go of."""


def held(gate: Gate, timeframe: str) -> pl.DataFrame:
    """What came to the sink, the last of each key."""
    bars = [bar for bar in gate.bars.values() if bar.timeframe == timeframe]
    rows = [
        (b.symbol, datetime.fromtimestamp(b.timestamp / 1000, UTC), b.open, b.high, b.low, b.close, b.volume)
        for b in bars
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row").sort("ticker", "window_start")


def test_a_sink_that_is_paused_misses_nothing_once_it_goes_on(replay: Sandbox, open_at: Callable[..., App]) -> None:
    """Both queues fill and no more; frames are shed, counted and noted; bars of minutes and seconds come back."""
    app, gate = open_at(STREAM_QUEUE="1000"), Gate()
    limits = SessionLimits(queue=128 << 10, frame=48 << 10, silence=3600)
    book = Interruptions(app.ledger.database, app.clock)
    wanted = [f"{channel}.{name}" for channel in ("AM", "A") for name in NAMES]
    with running(app, *wanted, also=[gate], limits=limits) as run:
        replay.stream.wait_for_subscribers()
        step = START
        while not run.stream.session.health.shed_frames:
            step += timedelta(minutes=5)
            replay.stream.step_to(step)
            assert step < START + timedelta(hours=2)
        waiting = run.stream.health().counts["gate_waiting"]
        assert waiting < 2000
        assert run.stream.session.health.queued_bytes <= 128 << 10
        last = step

        gate.open.set()

        def closed() -> bool:
            replay.stream.step_to(min(replay.stream.clock.now() + timedelta(seconds=20), last + timedelta(minutes=20)))
            return bool(book.find()) and not book.open()

        until(closed, "what was shed to come back")
        run.stop()
        until(lambda: run.drained is not None or run.error, "its end")

    assert (None, True) == (run.error, run.drained)
    assert Cause.SHED in {noted.interruption.cause for noted in book.find()}
    inside = pl.col("window_start").is_between(START, last, closed="left") & pl.col("ticker").is_in(NAMES)
    minutes, seconds = (
        replay.market.bars("stocks", "bars_1m", DAY, DAY),
        replay.market.second_bars("stocks", START, last),
    )
    for timeframe, truth in (("1m", minutes), ("1s", seconds)):
        expected = truth.filter(inside).select(COLUMNS).sort("ticker", "window_start")
        assert expected.height > 50
        assert_frame_equal(expected, held(gate, timeframe).filter(inside), check_dtypes=False)


def test_a_stream_holds_its_cluster_until_its_sinks_are_drained(replay: Sandbox, open_at: Callable[..., App]) -> None:
    """Its lease goes on meanwhile: what it still sends must not come after what the next process sends."""
    app, gate = open_at(), Gate()
    streams = Streams(app.ledger.database, app.clock)
    with running(app, "AM.AAPL", also=[gate]) as run:
        replay.stream.wait_for_subscribers()
        replay.stream.step_to(START + timedelta(minutes=5))
        until(lambda: run.stream.health().counts["gate_waiting"], "what waits for the sink")
        stream = run.stream
        run.stop()
        until(lambda: stream.session.health.state is State.ENDED, "the end of the session")
        replay.stream.step_to(START + timedelta(minutes=10))
        now = app.clock.now()
        until(lambda: streams.look()[0].updated_at >= now, "a note of the stream that drains")
        assert not streams.take(Cluster.STOCKS, "another")

        gate.open.set()
        until(lambda: run.drained is not None or run.error, "its end")
    assert streams.take(Cluster.STOCKS, "another")
