"""Twenty million trades to minute bars, beside the same rules in DuckDB's SQL and in lazy Polars.

Twice: from the vendor's csv.gz to a Parquet file, whole processes; and the summing up alone, of trades that are in
memory already. The rivals get the meaning of every conditions text ready made in a table; Forebay finds it out. All
results must be equal. Every contender runs in a process of its own, in turns; what importing (and loading into memory)
costs is subtracted. Ratios are the medians of the turns' own ratios, of processor time and by the clock, on all cores.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path

import polars as pl
from bench.child import Cost, cost_of
from bench.trade_day import TEXTS, write_trades
from bench.trades_work import CONTENDERS, LOAD, PATHS

from forebay.bars.compare import PRICES
from forebay.bars.conditions import HIGH_LOW, OPEN_CLOSE, VOLUME, ruling
from forebay.bars.trades import TRADE_ROWS

ROWS, TURNS = 20_000_000, 3
RIVALS = ("duckdb", "polars")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one contender costs once, without what it needs before it can begin."""

    whole: Cost
    before: float
    wall_before: float

    @property
    def cpu(self) -> float:
        return self.whole.cpu - self.before

    @property
    def wall(self) -> float:
        return self.whole.wall - self.wall_before


def run(rows: int = ROWS, turns: int = TURNS) -> dict[str, float]:
    """Measure, prove the results equal, print and return: seconds, ratios and peak memory in MB."""
    # Tables are made and compared in a process of their own: Linux counts what its parent held as a child's peak, too.
    with tempfile.TemporaryDirectory(prefix="forebay-bench-") as name, get_context("spawn").Pool(1) as aside:
        folder = Path(name)
        size = aside.apply(write_trades, (folder / "trades.csv.gz", rows))
        aside.apply(_write_rules, (folder / "rules.parquet",))
        results: dict[str, float] = {"rows": rows, "text_mb": round(size / 1e6, 1)}
        results |= _race(folder, "file", turns, aside)
        aside.apply(_write_table, (folder,))
        results |= _race(folder, "memory", turns, aside)
    for key, value in results.items():
        print(f"{key:36} {value:>14,}")
    return results


def _write_rules(path: Path) -> None:
    """What each conditions text allows, in the regular hours and outside them, for the rivals to join."""
    told = [(text, ruling(text)) for text in TEXTS]
    names = {"hl": HIGH_LOW, "oc": OPEN_CLOSE}
    columns = {"conditions": [text for text, _ in told], "vol": [bool(one.regular & VOLUME) for _, one in told]}
    for name, bit in names.items():
        columns[name] = [bool(one.regular & bit) for _, one in told]
        columns[f"{name}_ext"] = [bool(one.extended & bit) for _, one in told]
    pl.DataFrame(columns).write_parquet(path)


def _write_table(folder: Path) -> None:
    """The same trades, the seven columns that matter, for those that begin in memory."""
    scan = pl.scan_csv(folder / "trades.csv.gz", schema_overrides={"conditions": pl.String})
    scan.select(pl.col(name).fill_null("") if name == "conditions" else name for name in TRADE_ROWS).sink_parquet(
        folder / "trades.parquet", compression="lz4"
    )


def _race(folder: Path, start: str, turns: int, aside: Pool) -> dict[str, float]:
    found: dict[str, list[Turn]] = {name: [] for name in CONTENDERS}
    for _ in range(turns):
        for name in CONTENDERS:
            found[name].append(_turn(folder, start, name))
        aside.apply(_prove_equal, (folder,))
    results: dict[str, float] = {}
    for name, turned in found.items():
        results[f"{start}_cpu_seconds_{name}"] = round(statistics.median(turn.cpu for turn in turned), 2)
        results[f"{start}_wall_seconds_{name}"] = round(statistics.median(turn.wall for turn in turned), 2)
        results[f"{start}_peak_mb_{name}"] = round(max(turn.whole.peak for turn in turned) / 1e6)
    for kind in ("cpu", "wall"):
        ratios = {name: _ratio(found["forebay"], found[name], kind) for name in RIVALS}
        results |= {f"{start}_{kind}_times_faster_than_{name}": ratio for name, ratio in ratios.items()}
        results[f"{start}_{kind}_times_faster"] = min(ratios.values())
    return results


def _ratio(ours: list[Turn], theirs: list[Turn], kind: str) -> float:
    """How many times what we take they take, in processor time or by the clock; the median of the turns."""
    pairs = zip(ours, theirs, strict=True)
    return round(statistics.median(getattr(their, kind) / getattr(our, kind) for our, their in pairs), 2)


def _turn(folder: Path, start: str, name: str) -> Turn:
    contender = CONTENDERS[name]
    before = contender.imports + PATHS + (LOAD if start == "memory" else "")
    work = contender.from_file if start == "file" else contender.from_memory
    idle = cost_of(before, str(folder), name)
    return Turn(cost_of(before + work, str(folder), name), idle.cpu, idle.wall)


def _prove_equal(folder: Path) -> None:
    """Every bar of every contender: prices and counts to the last bit, volumes but for the rounding of their sums."""
    found = {name: pl.read_parquet(folder / f"{name}.bars.parquet") for name in CONTENDERS}
    micros = pl.col("window_start").cast(pl.Int64)  # DuckDB's has no zone
    tables = {name: table.with_columns(micros).sort("ticker", "window_start") for name, table in found.items()}
    ours = tables["forebay"]
    for name in RIVALS:
        theirs = tables[name]
        for column in ("ticker", "window_start", *PRICES, "transactions"):
            assert ours[column].equals(theirs[column]), (name, column)
        for column, most in (("volume", 1e-6), ("vwap", 1e-6)):
            apart = (ours[column] - theirs[column]).abs().max()
            assert apart <= most, (name, column, apart)


if __name__ == "__main__":
    run()
