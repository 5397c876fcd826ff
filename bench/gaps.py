"""A search for gaps in a year of minute bars: every planted hole and nothing else, and what it costs by symbols."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from bench.gaps_year import DAYS, fill, plant, regular_minutes

from forebay.app import App, new_worker_id
from forebay.app.gaps import gap_scan
from forebay.clock import SystemClock
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.orchestration.minutes_scan import GapScope
from forebay.settings import load

SYMBOLS = 500
PARTS = (125, 250, 500)
_TURNS = 3


def run() -> dict[str, object]:
    """What was planted and found, and seconds by number of symbols in the same lake."""
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        app = App(load(environ={"FOREBAY_HOME": str(Path(folder, "data"))}), SystemClock(), new_worker_id())
        try:
            return _measured(app, rng)
        finally:
            app.close()


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
