"""A day of minute bars and a day of trades, csv.gz to a checked, committed table, beside two engines' plain Parquet.

Every contender runs in a process of its own, in turns, and what its imports cost is subtracted. Ratios are the medians
of the turns' own, so that a slow moment of the machine hits both sides.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from bench.child import Cost, cost_of
from bench.lake_files import Size, bar_files, run_folder, trades_file
from bench.lake_report import Report
from bench.lake_work import INGESTS

RIVALS = ("duckdb", "polars")
_PEAK_MB = 400
_LEAST = 0.001
"""Seconds; what a tiny file takes drowns in the noise of starting."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One contender, once: what it cost beyond its imports, its peak memory with them, and the bytes it left."""

    cpu: float
    wall: float
    peak: int
    bytes: int


def measure(size: Size, report: Report) -> None:
    """A day of bars, which is short, in more turns than a day of trades."""
    _race("minute_bars", bar_files(size, 0)[0], 2 * size.turns - 1, report)
    _race("trades", trades_file(size), size.turns, report)


def _race(what: str, source: Path, turns: int, report: Report) -> None:
    found: dict[str, list[Turn]] = {name: [] for name in INGESTS}
    rows = 0
    for _ in range(turns):
        counts = {}
        for name in INGESTS:
            turn, counts[name] = _turn(name, source)
            found[name].append(turn)
        rows = counts.pop("forebay")
        counts.pop("gunzip")
        assert set(counts.values()) == {rows}, (rows, counts)
    report.note(f"{what}_rows", rows)
    for name, turned in found.items():
        for kind in ("cpu", "wall"):
            report.note(f"{what}_{kind}_seconds_{name}", round(statistics.median(getattr(t, kind) for t in turned), 2))
        report.note(f"{what}_peak_mb_{name}", round(max(turn.peak for turn in turned) / 1e6))
        report.note(f"{what}_size_mb_{name}", round(turned[-1].bytes / 1e6, 1))
    _judge(what, found, report)


def _judge(what: str, found: dict[str, list[Turn]], report: Report) -> None:
    """Ours to the faster rival, in each measure; to a bare gunzip; and the memory."""
    for kind in ("cpu", "wall"):
        ratio = _ratio(found, RIVALS, lambda turn, kind=kind: getattr(turn, kind))  # type: ignore[misc]
        report.at_most(f"{what}_{kind}_to_the_faster", ratio, 1.0, goal=0.8)
    fastest = min(RIVALS, key=lambda name: statistics.median(turn.wall for turn in found[name]))
    report.at_most(f"{what}_size_to_{fastest}", _ratio(found, (fastest,), lambda turn: turn.bytes), 1.0, goal=0.8)
    report.at_most(f"{what}_peak_mb", max(turn.peak for turn in found["forebay"]) / 1e6, _PEAK_MB)
    report.aim(f"{what}_cpu_to_gunzip", _ratio(found, ("gunzip",), lambda turn: turn.cpu), 6)
    report.aim(f"{what}_wall_to_gunzip", _ratio(found, ("gunzip",), lambda turn: turn.wall), 6)


def _ratio(found: dict[str, list[Turn]], rivals: tuple[str, ...], measure: Callable[[Turn], float]) -> float:
    """What we take to the least that one of the rivals takes; the median of the turns."""
    turns = zip(found["forebay"], *(found[name] for name in rivals), strict=True)
    return statistics.median(measure(ours) / min(map(measure, theirs)) for ours, *theirs in turns)


def _turn(name: str, source: Path) -> tuple[Turn, int]:
    program = INGESTS[name]
    before = cost_of(program.imports)
    with run_folder() as out:
        whole: Cost = cost_of(program.whole, str(out), str(source))
        left = list(out.rglob("*.parquet"))
        rows = sum(pl.scan_parquet(path).select(pl.len()).collect().item() for path in left)
        size = sum(path.stat().st_size for path in left)
    cpu, wall = max(whole.cpu - before.cpu, _LEAST), max(whole.wall - before.wall, _LEAST)
    return Turn(cpu, wall, whole.peak, size), rows
