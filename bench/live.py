"""The live chain at the size of a market: stream, `forebay stream`, a broker, `forebay consume`, PostgreSQL, the lake.

Every link is a process of its own, and the simulated vendor sends as fast as it is read. What each costs is told in
processor time too: both ends, the broker and the database share this machine's cores.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import structlog

from forebay.sandbox.server import MAX, Sandbox

sys.path += [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1] / "tests" / "e2e")]
from chain import START, Chain
from kafka_server import tansu
from market_time import tell_time
from postgres_server import postgres_server

TICKERS, MINUTES = 10_000, 60
"""Minutes of the market from the opening bell on."""
_LOOK = 0.05
_PATIENCE = 240.0
_TICKS = os.sysconf("SC_CLK_TCK")


def run() -> dict[str, object]:
    """Events a second through the chain, and a CPU second of each link; memory at half time and at the end."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    end = START + timedelta(minutes=MINUTES)
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(tickers=TICKERS, stream_from=START, stream_until=end, stream_speed=MAX) as vendor,
        tansu() as broker,
        postgres_server() as server,
        Chain(Path(folder), vendor, broker, server, end, {"STREAM_REFILL_CALLS": "1"}) as chain,
    ):
        chain.start("consume")
        chain.stream()
        pids = {name: process.pid for name, process in chain.running.items()}
        before, began = {name: _spent(pid) for name, pid in pids.items()}, time.perf_counter()
        vendor.stream.resume()
        half = _replay(chain, START + timedelta(minutes=MINUTES / 2))
        _replay(chain, end)
        sent, wall = vendor.stream.sent.events, time.perf_counter() - began
        rows, stored = _stored(chain)
        through = stored - began
        spent = {name: _spent(pid) - before[name] for name, pid in pids.items()}
        peak = {name: round(chain.peak(name) / 1e6) for name in pids}
        return {
            "tickers": TICKERS,
            "market_minutes": MINUTES,
            "events": sent,
            "rows_in_the_database": rows,
            "events_a_second_read_from_the_stream": round(sent / wall),
            "events_a_second_through_the_chain": round(sent / through),
            "events_a_cpu_second": {name: round(sent / cpu) for name, cpu in spent.items()},
            "peak_mb_at_half_time": half,
            "peak_mb": peak,
        }


def _replay(chain: Chain, until: datetime) -> dict[str, int]:
    """Follow the replay up to a moment; what each link had in memory at most by then, in MB."""
    end = time.monotonic() + _PATIENCE
    while chain.vendor.stream.clock.now() < until - timedelta(seconds=1):
        assert time.monotonic() < end, f"the replay is at {chain.vendor.stream.clock.now()}: {chain.said('stream')}"
        tell_time(chain.vendor, chain.clock)
        time.sleep(_LOOK)
    return {name: round(chain.peak(name) / 1e6) for name in chain.running}


def _stored(chain: Chain) -> tuple[int, float]:
    """How many rows there are once no more come, and when the last ones came (`time.perf_counter`)."""
    rows, since, end = 0, time.perf_counter(), time.perf_counter() + _PATIENCE
    while time.perf_counter() < end and not (rows and time.perf_counter() - since > 4):
        tell_time(chain.vendor, chain.clock)
        now = _rows(chain)
        if now != rows:
            rows, since = now, time.perf_counter()
        time.sleep(1)
    return rows, since


def _rows(chain: Chain) -> int:
    with psycopg.connect(host=str(chain.server.folder), dbname="chain", user="postgres") as connection:
        row = connection.execute("SELECT (SELECT count(*) FROM ohlcv_1m) + (SELECT count(*) FROM ohlcv_1s)").fetchone()
    assert row
    return int(row[0])


def _spent(pid: int) -> float:
    """Seconds of processor time of a process and all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
