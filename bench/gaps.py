"""A search for gaps in a year of minute bars and in a whole market: what is found, and what it costs by symbols."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from bench.child import cost_of, cost_of_command
from bench.gaps_year import DAY_BARS, DAYS, MINUTES, Planted, fill, plant, regular_minutes

from forebay.app import App, new_worker_id
from forebay.app.gaps import gap_scan
from forebay.clock import SystemClock
from forebay.model.feed import Feed
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.orchestration.minutes_scan import GapScope
from forebay.settings import load

SYMBOLS = 500
PARTS = (125, 250, 500)
MARKET, SESSIONS = 10_000, 20
"""Tickers of a whole market, and the sessions that are searched of it."""
_TURNS = 3
_SCAN = "import sys; from forebay.cli.main import main; sys.stdout = open(sys.argv[1], 'w'); main(sys.argv[2:])"


def run() -> dict[str, object]:
    """What was planted and found, and seconds by number of symbols in the same lake; the same of a market."""
    with tempfile.TemporaryDirectory() as folder:
        market = _market(Path(folder))  # first: a child's peak of memory is that of its parent at least
    with tempfile.TemporaryDirectory() as folder, closing(_open(folder)) as app:
        return {**_measured(app, np.random.default_rng(7)), "market": market}


def _open(folder: str) -> App:
    return App(load(environ={"FOREBAY_HOME": folder}), SystemClock(), new_worker_id())


def _market(folder: Path) -> dict[str, object]:
    """`forebay gaps scan --json`, in a process of its own, of a feed of every ticker."""
    planted, out = _planted_market(), folder / "gaps.json"
    cost_of("import sys; from bench.gaps import fill_market; fill_market(sys.argv[1])", str(folder))
    command = [sys.executable, "-c", _SCAN, str(out), "gaps", "scan", "--json"]
    cost = cost_of_command(command, {**os.environ, "FOREBAY_HOME": str(folder), "LOG_LEVEL": "WARNING"})
    found = {(gap["symbol"], gap["day"]) for gap in json.loads(out.read_text())}
    wanted = {(planted.symbols[one], DAYS[day].isoformat()) for one, day in planted.day}
    return {
        "tickers": MARKET,
        "sessions": SESSIONS,
        "holes": len(wanted),
        "missed": len(wanted - found),
        "false": len(found - wanted),
        "seconds": round(cost.wall, 2),
        "cpu_seconds": round(cost.cpu, 2),
        "peak_mb": cost.peak >> 20,
    }


def fill_market(folder: str) -> None:
    """Put sessions of the whole market into a lake there, for a feed that wants them."""
    with closing(_open(folder)) as app:
        fill(app, _planted_market(), np.random.default_rng(7), SESSIONS)
        app.ledger.feeds.remember(Feed("market", (MINUTES, DAY_BARS), None, DAYS[0], DAYS[SESSIONS - 1]))


def _planted_market() -> Planted:
    holes = frozenset((one, one % SESSIONS) for one in range(0, MARKET, 25))
    return Planted(tuple(f"T{one:05}" for one in range(MARKET)), holes, frozenset(), frozenset())


def _measured(app: App, rng: np.random.Generator) -> dict[str, object]:
    planted = plant(SYMBOLS, rng)
    bars = fill(app, planted, rng)
    quiet = SYMBOLS * sum(map(regular_minutes, DAYS)) - bars
    seconds, found = {}, set[tuple[str, object]]()
    for count in PARTS:
        scope = GapScope(AssetClass.STOCKS, planted.symbols[:count], Interval(DAYS[0], DAYS[-1]))
        turns = []
        for _ in range(_TURNS):
            begun = time.perf_counter()
            found = {(gap.symbol, gap.day) for gap in gap_scan(app).run(scope)}
            turns.append(time.perf_counter() - begun)
        seconds[count] = min(turns)
    return {
        "minute_bars": bars,
        "quiet_minutes": quiet,
        "holes": len(planted.day) + len(planted.minute) + len(planted.close) + 10,
        "missed": len(planted.gaps - found),
        "false": len(found - planted.gaps),
        "gaps": len(found),
        "seconds": {str(count): round(value, 2) for count, value in seconds.items()},
        "growth": round(seconds[PARTS[-1]] / seconds[PARTS[0]] / (PARTS[-1] / PARTS[0]), 2),
        "bars_a_second": round(bars / seconds[PARTS[-1]]),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
