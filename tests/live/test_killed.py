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


def test_a_stream_that_is_killed_loses_nothing(vendor: Sandbox, tmp_path: Path) -> None:
    """SIGKILL twice, then SIGTERM: every bar until then is held, each time of silence is an interruption, closed."""
    began = SystemClock().now() - (vendor.stream.clock.now() - START) / SPEED
    environ = {**vendor.env, "FOREBAY_HOME": str(tmp_path), "POLYGON_RATE_LIMIT": "0", "STREAM_LAKE_SECONDS": "0.3"}
    given = json.dumps([environ, began.isoformat(), START.isoformat(), SPEED])
    ledger = Ledger.open(f"sqlite:///{tmp_path}/download_tracker.db", SystemClock())
    book, streams = Interruptions(ledger.database, SystemClock()), Streams(ledger.database, SystemClock())

    def heard() -> datetime:
        return max((one.heard_until for one in streams.look() if one.heard_until), default=START)

    def run_until(reached: Callable[[], object], number: int) -> int:
        child = subprocess.Popen([sys.executable, "-c", CHILD, given], env={**os.environ, **environ})
        until(reached, "what the child should do")
        child.send_signal(number)
        return child.wait(60)

    for _ in range(2):
        before = heard() + timedelta(minutes=2)
        assert -signal.SIGKILL == run_until(lambda moment=before: heard() >= moment, signal.SIGKILL)
    before = heard() + timedelta(minutes=2)
    assert 0 == run_until(lambda: heard() >= before and not book.open(), signal.SIGTERM)

    asked = pl.col("window_start").is_between(START, heard() - timedelta(minutes=1), closed="left")
    columns = ("ticker", "window_start", "open", "high", "low", "close", "volume")
    rows = vendor.market.bars("stocks", "bars_1m", DAY, DAY).filter(asked).select(columns)
    truth = rows.filter(pl.col("ticker").is_in(["AAPL", "MSFT", "NVDA"])).sort("ticker", "window_start")
    held = Lake(tmp_path / "lake").bars(["AAPL", "MSFT", "NVDA"], "1m", DAY, DAY)
    assert truth.height > 10
    assert_frame_equal(truth, held.filter(asked).select(columns).collect())
    assert [Cause.STOPPED] * 3 == [one.interruption.cause for one in book.find()]
    assert all(one.closed_at and one.interruption.ended for one in book.find())
    assert heard().tzinfo is UTC
    ledger.close()
