"""The lake at the size of a market: ingest, compaction and reads beside their rivals, and what more months cost.

`make bench-lake`, or `python -m bench.lake --quick` for a small market in a minute. The day files come from the
simulated vendor and are kept in FOREBAY_BENCH_DIR for the next run; so are the rivals' layouts.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from multiprocessing import get_context

from bench import lake_compaction, lake_growth, lake_ingest, lake_reads
from bench.lake_files import FULL, QUICK, Size, bar_files, run_folder, trades_file
from bench.lake_report import Report
from bench.lake_rivals import has_arctic

_PARTS = [field.name for field in fields(Size)]


def run(size: Size = FULL, *, curve: bool = True) -> dict[str, object]:
    """Measure, print and return; `curve`: also with other sizes of tiles."""
    print("making day files", file=sys.stderr)
    trades_file(size)
    days = [path for month in range(size.months) for path in bar_files(size, month)]
    report = Report()
    report.note("tickers", size.tickers)
    report.note("days", len(days))
    report.title("ingest of one day")
    lake_ingest.measure(size, report)
    with run_folder() as folder:
        report.title("compaction of a month")
        first = lake_growth.ingest_month(size, 0, folder)
        lakes = lake_compaction.measure(folder / "lake", report)
        lakes |= lake_compaction.variants(folder / "lake") if curve else {}
        report.title("reads")
        with get_context("spawn").Pool(1) as aside:
            reads = aside.apply(lake_reads.measure, (size, lakes))
        lake_reads.judge(reads, report)
        lake_reads.curve(reads, lakes, report)
        report.title("more months")
        lake_growth.measure(size, folder, first, report)
    report.title(f"targets missed: {', '.join(report.missed) or 'none'}")
    return report.figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the lake beside its rivals.")
    parser.add_argument("--quick", action="store_true", help="a small market")
    parser.add_argument("--no-curve", action="store_true", help="only the usual size of tiles")
    for name in _PARTS:
        parser.add_argument(f"--{name}", type=int, help="instead of the size's own")
    if not has_arctic():
        print("arcticdb is not installed here, so it is left out: make bench-lake has it", file=sys.stderr)
    asked = parser.parse_args()
    given = {name: getattr(asked, name) for name in _PARTS if getattr(asked, name)}
    run(replace(QUICK if asked.quick else FULL, **given), curve=not asked.no_curve)


if __name__ == "__main__":
    main()
