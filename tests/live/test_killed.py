"""A process that streams is killed without a word, again and again; the next one finds what it did not store."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from listening_child import NAMES, listen
from polars.testing import assert_frame_equal
from running import DAY, START, until

from forebay import Lake
from forebay.clock import SystemClock
from forebay.ledger import Ledger
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.live import Cause, StreamState
from forebay.sandbox.server import Sandbox
from forebay.testing import FakeClock
from forked import Forked

SPEED = 60


@pytest.fixture
def vendor() -> Iterator[Sandbox]:
    """Sixty times as fast as life, whoever listens."""
    with Sandbox(tickers=12, stream_from=START, stream_speed=SPEED) as running:
        yield running


POINTS = ("stream.interrupted", "stream.heard:5", "stream.flushed:2", "stream.refilled")


class Stream:
    """Processes that stream three stocks into one home, one after the other; ledger and lake as they leave them."""

    def __init__(self, vendor: Sandbox, home: Path) -> None:
        self.vendor, self.home = vendor, home
        self.began = SystemClock().now() - (vendor.stream.clock.now() - START) / SPEED
        self.environ = {
            **vendor.env,
            "FOREBAY_HOME": str(home),
            "POLYGON_RATE_LIMIT": "0",
            "STREAM_LAKE_SECONDS": "0.3",
        }
        self.ledger = Ledger.open(f"sqlite:///{home}/download_tracker.db", SystemClock())
        self.book = Interruptions(self.ledger.database, SystemClock())
        self.streams = Streams(self.ledger.database, FakeClock(START))  # no lease ends before
        self.children: list[Forked] = []

    def heard(self) -> datetime:
        """Until when everything is stored, as the ledger has it."""
        looked = self.streams.look()
        return max((one.heard_until for one in looked if one.heard_until), default=START)

    def listens(self) -> bool:
        """Whether a process has said that it hears everything."""
        return any(one.state is StreamState.STREAMING for one in self.streams.look())

    def start(self, failpoint: str = "") -> Forked:
        """One more process."""
        environ = {**os.environ, **self.environ, "FOREBAY_FAILPOINT": failpoint}
        given = (self.environ, self.began, START, SPEED)
        self.children.append(Forked(listen, *given, cwd=self.home, env=environ))
        return self.children[-1]

    def run_until(self, reached: Callable[[], object], number: int) -> int:
        """A process that is sent a signal once it is so; its exit code."""
        child = self.start()
        until(reached, "what the child should do")
        child.send_signal(number)
        return child.wait(60)

    def listen_on(self, number: int) -> int:
        """A process that hears two minutes more, and is sent a signal; one that is to end in order owes nothing."""
        before, owes = self.heard() + timedelta(minutes=2), number == signal.SIGTERM
        return self.run_until(lambda: self.heard() >= before and not (owes and self.book.open()), number)

    def check(self) -> None:
        """Every bar from the opening bell to shortly before the end is in the lake, once, and as the market has it."""
        asked = pl.col("window_start").is_between(START, self.heard() - timedelta(minutes=1), closed="left")
        columns = ("ticker", "window_start", "open", "high", "low", "close", "volume")
        names = [*NAMES]
        rows = self.vendor.market.bars("stocks", "bars_1m", DAY, DAY).filter(asked).select(columns)
        truth = rows.filter(pl.col("ticker").is_in(names)).sort("ticker", "window_start")
        held = Lake(self.home / "lake").bars(names, "1m", DAY, DAY)
        assert truth.height > 10
        assert_frame_equal(truth, held.filter(asked).select(columns).collect())
        assert all(one.closed_at and one.interruption.ended for one in self.book.find())


@pytest.fixture
def stream(vendor: Sandbox, tmp_path: Path) -> Iterator[Stream]:
    made = Stream(vendor, tmp_path)
    yield made
    for child in made.children:
        child.kill()
        child.wait(60)
        child.close()
    made.ledger.close()


def test_a_stream_that_is_killed_loses_nothing(stream: Stream) -> None:
    """SIGKILL twice, then SIGTERM: every bar until then is held, each time of silence is an interruption, closed."""
    for _ in range(2):
        assert -signal.SIGKILL == stream.listen_on(signal.SIGKILL)
    assert 0 == stream.listen_on(signal.SIGTERM)

    stream.check()
    assert [Cause.STOPPED] * 3 == [one.interruption.cause for one in stream.book.find()]
    assert stream.heard().tzinfo is UTC


def test_a_stream_that_dies_between_two_steps_loses_nothing(stream: Stream) -> None:
    """Before a frame is stored; before it is known to be; before an interruption is noted; before it is closed."""
    for point in POINTS:
        child = stream.start(point)
        if point == "stream.interrupted":
            until(stream.listens, "a stream that hears everything")
            stream.vendor.stream.drop()
        assert -signal.SIGKILL == child.wait(60), point
    assert 0 == stream.listen_on(signal.SIGTERM)

    stream.check()
    assert len(POINTS) < len(stream.book.find())
