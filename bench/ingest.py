"""A day of stock minute bars and one of trades, csv.gz to a verified, committed lake, beside unchecked one-liners.

Every contender runs in a process of its own, in turns; the median cost of only its imports is subtracted. Ratios
are the medians of the turns' own ratios, so that a slow moment of the machine hits both sides of each.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from bench.child import Cost, cost_of
from isal import igzip

TURNS = 5
BARS, TRADES = "us_stocks_sip/minute_aggs_v1", "us_stocks_sip/trades_v1"
_TRADE_ROWS = 2_000_000
_WRITERS = {
    BARS: "from bench.market_day import write_day\nwrite_day(Path(sys.argv[1]))",
    TRADES: "from bench.trade_day import write_trades\nwrite_trades(Path(sys.argv[1]), int(sys.argv[2]))",
}


@dataclass(frozen=True, slots=True)
class Contender:
    imports: str
    work: str
    """Gets `source` and `out`."""


_PATHS = "import sys\nsource, out, name = sys.argv[1:]\n"

_FOREBAY_IMPORTS = """
from datetime import UTC, datetime
from pathlib import Path
from bench.market_day import DAY
from forebay.lake.home.staging import Staging
from forebay.lake.writing.table import LakeTables
from forebay.model.catalogue import DATASETS
from forebay.model.partition import Revision
from forebay.vendor.csv_rows import read_rows
"""
_FOREBAY = """
def chunks():
    with open(source, "rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk
dataset = DATASETS[name]
with Staging(Path(out, "tmp"), "bench") as staging:
    tables = LakeTables(Path(out, "lake"), staging)
    staged = tables.stage(read_rows(chunks(), dataset, DAY), dataset, source)
    assert staged.bad.height == 0, staged.counts
    tables.replace_day(staged, DAY, Revision("one", Path(source).stat().st_size, datetime.now(UTC)))
"""
_ISAL = """
with igzip.open(source) as file:
    while file.read(1 << 20):
        pass
"""
_DUCKDB = "duckdb.execute(f\"COPY (SELECT * FROM read_csv('{source}')) TO '{out}/day.parquet' (FORMAT parquet%s)\")"
_SINK = "pl.scan_csv(source).sink_parquet(out + '/day.parquet')"

CONTENDERS = {
    "forebay": Contender(_FOREBAY_IMPORTS, _FOREBAY),
    "isal": Contender("from isal import igzip", _ISAL),
    "duckdb": Contender("import duckdb", _DUCKDB % ""),
    "duckdb_zstd": Contender("import duckdb", _DUCKDB % ", COMPRESSION zstd"),
    "polars": Contender("import polars as pl", "pl.read_csv(source).write_parquet(out + '/day.parquet')"),
    "polars_sink": Contender("import polars as pl", _SINK),
}
_RIVALS = ("duckdb", "duckdb_zstd", "polars", "polars_sink")
_ZSTD = ("duckdb_zstd", "polars", "polars_sink")


def run(turns: int = TURNS, trade_rows: int = _TRADE_ROWS) -> dict[str, float]:
    """Measure both days, print and return: CPU, wall and size ratios, peak memory in MB; those of trades by prefix."""
    results: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="forebay-bench-") as folder:
        for name, prefix in ((BARS, ""), (TRADES, "trades_")):
            source = Path(folder, f"{prefix}day.csv.gz")
            # In a process of its own, so that this one stays small: a child's peak memory is at least its parent's.
            cost_of(f"import sys\nfrom pathlib import Path\n{_WRITERS[name]}", str(source), str(trade_rows))
            results |= {prefix + key: value for key, value in race(source, name, turns).items()}
    for key, value in results.items():
        print(f"{key:40} {value:>14,}")
    return results


def race(source: Path, name: str, turns: int) -> dict[str, float]:
    """Measure one csv.gz of the dataset called `name`."""
    wholes: dict[str, list[Cost]] = {contender: [] for contender in CONTENDERS}
    imports: dict[str, list[Cost]] = {contender: [] for contender in CONTENDERS}
    sizes: dict[str, int] = {}
    for _ in range(turns):
        for key, contender in CONTENDERS.items():
            cost, sizes[key] = _turn(contender, source, name)
            wholes[key].append(cost)
            imports[key].append(cost_of(contender.imports))
    costs = {key: [_without(cost, imports[key]) for cost in found] for key, found in wholes.items()}
    with igzip.open(source) as file:
        rows = sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b"")) - 1
    return {"rows": rows} | _report(costs, sizes)


def _without(cost: Cost, imports: list[Cost]) -> Cost:
    cpu, wall = (statistics.median(values) for values in zip(*((c.cpu, c.wall) for c in imports), strict=True))
    return replace(cost, cpu=cost.cpu - cpu, wall=cost.wall - wall)


def _turn(contender: Contender, source: Path, name: str) -> tuple[Cost, int]:
    """What the process costs, and the size of the Parquet file it leaves."""
    with tempfile.TemporaryDirectory(dir=source.parent) as out:
        whole = cost_of(f"{contender.imports}\n{_PATHS}{contender.work}", str(source), out, name)
        return whole, sum(path.stat().st_size for path in Path(out).rglob("*.parquet"))


def _report(costs: dict[str, list[Cost]], sizes: dict[str, int]) -> dict[str, float]:
    results: dict[str, float] = {}
    for name, found in costs.items():
        results[f"peak_mb_{name}"] = round(max(cost.peak for cost in found) / 1e6, 1)
    for kind in ("cpu", "wall"):
        taken = {name: statistics.median(getattr(cost, kind) for cost in found) for name, found in costs.items()}
        results |= {f"{kind}_seconds_{name}": round(seconds, 3) for name, seconds in taken.items()}
        results |= {f"{kind}_ratio_to_{name}": _ratio(costs, name, kind) for name in costs if name != "forebay"}
        fastest = min(_RIVALS, key=lambda name: taken[name])
        results[f"{kind}_ratio_to_fastest"] = results[f"{kind}_ratio_to_{fastest}"]
    results["size_mb_forebay"] = round(sizes["forebay"] / 1e6, 2)
    results["size_ratio_to_smallest_zstd"] = round(sizes["forebay"] / min(sizes[name] for name in _ZSTD), 3)
    return results


def _ratio(costs: dict[str, list[Cost]], name: str, kind: str) -> float:
    pairs = zip(costs["forebay"], costs[name], strict=True)
    return round(statistics.median(getattr(ours, kind) / getattr(theirs, kind) for ours, theirs in pairs), 3)


if __name__ == "__main__":
    run()
