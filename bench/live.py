"""An hour of a whole market through the live chain, with all its trouble, to the same rows at both ends.

Stream, `forebay stream`, a broker, `forebay consume`, PostgreSQL and the lake; every link is a process of its own, and
the simulated vendor sends as fast as it is read. What each costs is told in processor time too: they share the cores of
this machine. In the end the lake and both tables are the market's bars row for row, and every interruption is closed.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars as pl
import psycopg
import structlog
from polars.testing import assert_frame_equal

from forebay.sandbox.server import MAX, Sandbox

sys.path += [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1] / "tests" / "e2e")]
from chain import BARS, DAY, START, UNTIDY, Chain
from kafka_server import tansu
from market_time import tell_time
from postgres_server import postgres_server

TICKERS, MINUTES = 10_000, 60
"""Minutes of the market from the opening bell on."""
TROUBLE = [
    {"kind": "stream_drop", "events": 100_000, "times": 2},
    {"kind": "stream_evicted", "events": 150_000, "times": 1},
    {"kind": "stream_slow_consumer", "events": 200_000, "times": 1},
    {"kind": "stream_stall", "events": 100_000, "times": 1},
    {"kind": "stream_malformed", "channel": "AM", "every": 20_000},
    {"kind": "stream_malformed", "channel": "A", "every": 50_000},
    *UNTIDY,
]
CAUSES = {"closed", "max_connections", "slow_consumer", "silent", "malformed", "stopped"}
"""Of interruptions that this trouble makes."""
SETTINGS = {"STREAM_REFILL_CALLS": "40000", "STREAM_LAKE_SECONDS": "5", "STREAM_SILENCE": "60"}
_PARTS = 12
_LOOK, _ON, _SLOWLY = 2.0, timedelta(seconds=10), timedelta(seconds=2)
"""Seconds between two looks at the end, and how far the market goes on meanwhile: later as fast as life."""
_AFTER = timedelta(minutes=4)
"""Until every interruption can be refilled: a wildcard is heard for two minutes before."""
_PATIENCE = 3600.0
_TICKS = os.sysconf("SC_CLK_TCK")
_COUNT = 'SELECT count(*) FROM {} WHERE "timestamp" >= %s AND "timestamp" < %s'


def run() -> dict[str, object]:
    """Events a second through the chain and a CPU second of each link; memory; what the refill took."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    end = START + timedelta(minutes=MINUTES)
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(tickers=TICKERS, start=DAY, end=DAY, stream_from=START, stream_speed=MAX, faults=TROUBLE) as vendor,
        tansu() as broker,
        postgres_server() as server,
        Chain(Path(folder), vendor, broker, server, end, SETTINGS) as chain,
    ):
        vendor.market.keep("stocks", DAY, end + timedelta(hours=2))
        try:
            return _run(chain)
        except BaseException:
            _say(f"stream: {chain.said('stream')}\nconsume: {chain.said('consume')}")
            raise


def _run(chain: Chain) -> dict[str, object]:
    chain.start("consume")
    chain.stream()
    pids = {name: process.pid for name, process in chain.running.items()}
    before, began = {name: _spent(pid) for name, pid in pids.items()}, time.perf_counter()
    half = _replay(chain)
    sent, wall = chain.vendor.stream.sent.events, time.perf_counter() - began
    spent = {name: _spent(pid) - before[name] for name, pid in pids.items()}
    _say(f"{sent:,} events in {wall:.0f} s")
    _close_the_seam(chain)
    closed = time.perf_counter() - began
    refills = _interruptions(chain)
    rows = _equal(chain)
    return {
        "tickers": TICKERS,
        "market_minutes": MINUTES,
        "events": sent,
        "equal_to_the_market_row_for_row": rows,
        "interruptions_listed_and_closed": refills,
        "events_a_second_read_from_the_stream": round(sent / wall),
        "events_a_cpu_second_while_replayed": {name: round(sent / cpu) for name, cpu in spent.items()},
        "seconds_of_the_replay": round(wall),
        "seconds_until_the_last_interruption_was_closed": round(closed),
        "peak_mb_at_half_time": half,
        "peak_mb": _peaks(chain),
        "exit_codes": {name: chain.stop(name) for name in ("stream", "consume")},
    }


def _replay(chain: Chain) -> dict[str, int]:
    """The hour, as fast as it is read; what each link had in memory at most at half time, in MB."""
    half: dict[str, int] = {}
    for part in range(1, _PARTS + 1):
        chain.vendor.stream.wait_for_subscribers(timeout=_PATIENCE)
        chain.go_to(START + part * timedelta(minutes=MINUTES) / _PARTS)
        if part == _PARTS // 2:
            half = _peaks(chain)
        _say(f"{chain.vendor.stream.clock.now():%H:%M}, {chain.vendor.stream.sent.events:,} events")
    return half


def _close_the_seam(chain: Chain) -> None:
    """Let the market go on, slowly, until everything that began in the hour is made good."""

    def closed() -> bool:
        now = chain.vendor.stream.clock.now()
        chain.vendor.stream.step_to(now + (_ON if now < chain.last + _AFTER else _SLOWLY), _PATIENCE)
        tell_time(chain.vendor, chain.clock)
        return not chain.owed()

    _wait(closed, "every interruption to be made good")


def _interruptions(chain: Chain) -> dict[str, object]:
    """By cause, those of the hour; each is closed, with evidence, and left nothing."""
    listed = [one for one in chain.interruptions() if one["began"] < chain.last.isoformat()]
    assert all(one["closed_at"] and one["evidence"]["calls"] and "left" not in one["evidence"] for one in listed)
    causes = Counter(one["cause"] for one in listed)
    assert set(causes) >= CAUSES, causes
    refills = {tuple(sorted([one["id"], *one["evidence"].get("together_with", [])])): one["evidence"] for one in listed}
    return dict(sorted(causes.items())) | {
        "refills": len(refills),
        "calls": sum(told["calls"] for told in refills.values()),
    }


def _equal(chain: Chain) -> dict[str, int]:
    """Every row of the lake and of both tables is the market's, and none lacks; how many there are."""
    truth = {timeframe: chain.truth(timeframe) for timeframe in ("1m", "1s")}
    for table, timeframe in (("ohlcv_1m", "1m"), ("ohlcv_1s", "1s")):
        _wait(lambda t=table, n=truth[timeframe].height: _rows(chain, t) >= n, f"{truth[timeframe].height} in {table}")
    ways: dict[str, tuple[str, Callable[[], pl.DataFrame]]] = {
        "lake": ("1m", chain.in_lake),
        "ohlcv_1m": ("1m", partial(chain.in_database, "ohlcv_1m")),
        "ohlcv_1s": ("1s", partial(chain.in_database, "ohlcv_1s")),
    }
    for name, (timeframe, held) in ways.items():
        assert_frame_equal(truth[timeframe].select(BARS), held().select(BARS))
        _say(f"{name}: {truth[timeframe].height:,} rows equal")
    return {name: truth[timeframe].height for name, (timeframe, _) in ways.items()}


def _rows(chain: Chain, table: str) -> int:
    with psycopg.connect(host=str(chain.server.folder), dbname="chain", user="postgres") as connection:
        row = connection.execute(_COUNT.format(table), (START, chain.last)).fetchone()
    assert row
    return int(row[0])


def _wait(reached: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not reached():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(_LOOK)


def _peaks(chain: Chain) -> dict[str, int]:
    return {name: round(chain.peak(name) / 1e6) for name in chain.running}


def _spent(pid: int) -> float:
    """Seconds of processor time of a process and all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
