"""A year with two hundred holes of every kind among quiet minutes, odd lots, half days and delistings."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from homes import HastyClock

from forebay.app import App, new_worker_id
from forebay.app.gaps import gap_scan
from forebay.model.gap import GapKind, Proof
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.orchestration.minutes_scan import GapScope
from forebay.settings import load


@pytest.fixture
def year(monkeypatch):
    """The maker of such a year, which the benchmark has too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    return import_module("bench.gaps_year")


def test_every_hole_is_found_and_nothing_else(tmp_path, year):
    """Days, single minutes and last hours of symbols, and a day of all: each is told as what it is, by day bars."""
    rng = np.random.default_rng(11)
    planted = year.plant(50, rng)
    app = App(load(environ={"FOREBAY_HOME": str(tmp_path / "data")}), HastyClock(), new_worker_id())
    try:
        year.fill(app, planted, rng)
        scope = GapScope(AssetClass.STOCKS, planted.symbols, Interval(year.DAYS[0], year.DAYS[-1]))
        gaps = list(gap_scan(app).run(scope))
    finally:
        app.close()

    found = {(gap.symbol, gap.day): gap for gap in gaps}
    assert planted.gaps == set(found)
    assert len(found) == len(gaps)
    assert {Proof.DAY_BAR} == {gap.proof for gap in gaps}
    of_minutes = {(planted.symbols[one], year.DAYS[day]) for one, day in planted.minute | planted.close}
    assert of_minutes == {place for place, gap in found.items() if gap.kind is GapKind.MINUTES}
    singles = [found[planted.symbols[one], year.DAYS[day]].missing for one, day in planted.minute]
    assert {1} == set(singles)
