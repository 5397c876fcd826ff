"""One day of stock minute bars, csv.gz to a verified, committed lake, beside the one-liners that verify nothing.

Every contender runs in a process of its own, in turns; the median cost of only its imports is subtracted. Ratios
are the medians of the turns' own ratios, so that a slow moment of the machine hits both sides of each.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from bench.child import Cost, cost_of
from bench.market_day import write_day

TURNS = 5


@dataclass(frozen=True, slots=True)
class Contender:
    imports: str
    work: str
    """Gets `source` and `out`."""


_PATHS = "import sys\nsource, out = sys.argv[1:]\n"

_FOREBAY_IMPORTS = """
from datetime import UTC, datetime
from pathlib import Path
from bench.market_day import DAY
from forebay.lake.staging import Staging
from forebay.lake.table import LakeTables
from forebay.model.catalogue import DATASETS
from forebay.model.partition import Revision
from forebay.vendor.csv_rows import read_rows
"""
_FOREBAY = """
def chunks():
    with open(source, "rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk
dataset = DATASETS["us_stocks_sip/minute_aggs_v1"]
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

CONTENDERS = {
    "forebay": Contender(_FOREBAY_IMPORTS, _FOREBAY),
    "isal": Contender("from isal import igzip", _ISAL),
    "duckdb": Contender("import duckdb", _DUCKDB % ""),
    "duckdb_zstd": Contender("import duckdb", _DUCKDB % ", COMPRESSION zstd"),
    "polars": Contender("import polars as pl", "pl.read_csv(source).write_parquet(out + '/day.parquet')"),
    "polars_sink": Contender("import polars as pl", "pl.scan_csv(source).sink_parquet(out + '/day.parquet')"),
}
_RIVALS = ("duckdb", "duckdb_zstd", "polars", "polars_sink")


def run(turns: int = TURNS) -> dict[str, float]:
    """Measure, print and return: CPU ratios, the file's size ratio, peak memory in MB."""
    with tempfile.TemporaryDirectory(prefix="forebay-bench-") as folder:
        source = Path(folder, "day.csv.gz")
        rows = write_day(source)
        wholes: dict[str, list[Cost]] = {name: [] for name in CONTENDERS}
        imports: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        sizes: dict[str, int] = {}
        for _ in range(turns):
            for name, contender in CONTENDERS.items():
                cost, sizes[name] = _turn(contender, source)
                wholes[name].append(cost)
                imports[name].append(cost_of(contender.imports).cpu)
    without = {name: statistics.median(found) for name, found in imports.items()}
    costs = {name: [replace(cost, cpu=cost.cpu - without[name]) for cost in found] for name, found in wholes.items()}
    return _report(rows, costs, sizes)


def _turn(contender: Contender, source: Path) -> tuple[Cost, int]:
    """What the process costs, and the size of the Parquet file it leaves."""
    with tempfile.TemporaryDirectory(dir=source.parent) as out:
        whole = cost_of(f"{contender.imports}\n{_PATHS}{contender.work}", str(source), out)
        return whole, sum(path.stat().st_size for path in Path(out).rglob("*.parquet"))


def _report(rows: int, costs: dict[str, list[Cost]], sizes: dict[str, int]) -> dict[str, float]:
    cpu = {name: statistics.median(cost.cpu for cost in found) for name, found in costs.items()}
    fastest = min(_RIVALS, key=lambda name: cpu[name])
    results: dict[str, float] = {"rows": rows}
    for name, found in costs.items():
        results[f"cpu_seconds_{name}"] = round(cpu[name], 3)
        results[f"peak_mb_{name}"] = round(max(cost.peak for cost in found) / 1e6, 1)
        if name != "forebay":
            ratios = [ours.cpu / theirs.cpu for ours, theirs in zip(costs["forebay"], found, strict=True)]
            results[f"cpu_ratio_to_{name}"] = round(statistics.median(ratios), 3)
    results["cpu_ratio_to_fastest"] = results[f"cpu_ratio_to_{fastest}"]
    results["size_ratio_to_fastest"] = round(sizes["forebay"] / sizes[fastest], 3)
    results["size_mb_forebay"] = round(sizes["forebay"] / 1e6, 2)
    for name, value in results.items():
        print(f"{name:32} {value:>14,}")
    return results


if __name__ == "__main__":
    run()
