"""A process that streams is killed without a word, again and again; the next one finds what it did not store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from running import DAY, START, until

from forebay import Lake
from forebay.clock import SystemClock
from forebay.ledger import Ledger
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.live import Cause
from forebay.sandbox.server import Sandbox

SPEED = 60
CHILD = """
import json, sys
from datetime import datetime, timedelta
from functools import partial
import asyncio, signal
from forebay.app import App
from forebay.app.streams import open_stream
from forebay.app.wired import new_worker_id
from forebay.clock import SystemClock
from forebay.model.live import Cluster, Subscription
from forebay.orchestration.live.crew import Crew
from forebay.settings import load

class Fast(SystemClock):
    def now(self):
        return START + (super().now() - BEGAN) * SPEED

environ, began, start, SPEED = json.loads(sys.argv[1])
BEGAN, START = datetime.fromisoformat(began), datetime.fromisoformat(start)
app = App(load(environ=environ), Fast(), new_worker_id())
app.recover()
wanted = {Cluster.STOCKS: [Subscription("AM", name) for name in ("AAPL", "MSFT", "NVDA")]}

async def main():
    crew = Crew(partial(open_stream, app), lambda: wanted, follow=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, crew.stop)
    return await crew.run()

drained = asyncio.run(main())
app.close()
sys.exit(0 if drained else 3)
"""


@pytest.fixture
def vendor() -> Iterator[Sandbox]:
    """Sixty times as fast as life, whoever listens."""
    with Sandbox(tickers=12, stream_from=START, stream_speed=SPEED) as running:
        yield running


POINTS = ("stream.heard:5", "stream.flushed:2", "stream.interrupted", "stream.refilled")


class Stream:
    """Processes that stream three stocks into one home, one after the other; ledger and lake as they leave them."""

    def __init__(self, vendor: Sandbox, home: Path) -> None:
        self.vendor, self.home = vendor, home
        began = SystemClock().now() - (vendor.stream.clock.now() - START) / SPEED
        self.environ = {
            **vendor.env,
            "FOREBAY_HOME": str(home),
            "POLYGON_RATE_LIMIT": "0",
            "STREAM_LAKE_SECONDS": "0.3",
        }
        self.given = json.dumps([self.environ, began.isoformat(), START.isoformat(), SPEED])
        self.ledger = Ledger.open(f"sqlite:///{home}/download_tracker.db", SystemClock())
        self.book = Interruptions(self.ledger.database, SystemClock())

    def heard(self) -> datetime:
        """Until when everything is stored, as the ledger has it."""
        looked = Streams(self.ledger.database, SystemClock()).look()
        return max((one.heard_until for one in looked if one.heard_until), default=START)

    def start(self, failpoint: str = "") -> subprocess.Popen[bytes]:
        """One more process."""
        environ = {**os.environ, **self.environ, "FOREBAY_FAILPOINT": failpoint}
        return subprocess.Popen([sys.executable, "-c", CHILD, self.given], env=environ)

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
        names = ["AAPL", "MSFT", "NVDA"]
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
            stream.vendor.stream.wait_for_subscribers()
            stream.vendor.stream.drop()
        assert -signal.SIGKILL == child.wait(60), point
    assert 0 == stream.listen_on(signal.SIGTERM)

    stream.check()
    assert len(POINTS) < len(stream.book.find())
