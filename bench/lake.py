"""The lake at the size of a market: ingest, compaction and reads beside their rivals, and what more months cost.

`make bench-lake`, or `python -m bench.lake --quick` for a small market in a minute. The day files come from the
simulated vendor and are kept in FOREBAY_BENCH_DIR for the next run; so are the rivals' layouts.
"""

from __future__ import annotations

import argparse
import sys
from multiprocessing import get_context

from bench import lake_compaction, lake_growth, lake_ingest, lake_reads
from bench.lake_files import FULL, QUICK, Size, bar_files, run_folder, trades_file
from bench.lake_report import Report
from bench.lake_rivals import has_arctic


def run(size: Size = FULL) -> dict[str, object]:
    """Measure, print and return."""
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
        report.title("reads")
        with get_context("spawn").Pool(1) as aside:
            reads = aside.apply(lake_reads.measure, (size, lakes))
        lake_reads.judge(reads, list(lakes), report)
        report.title("more months")
        lake_growth.measure(size, folder, first, report)
    report.title(f"targets missed: {', '.join(report.missed) or 'none'}")
    return report.figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the lake beside its rivals.")
    parser.add_argument("--quick", action="store_true", help="a small market")
    if not has_arctic():
        print("arcticdb is not installed here, so it is left out: make bench-lake has it", file=sys.stderr)
    run(QUICK if parser.parse_args().quick else FULL)


if __name__ == "__main__":
    main()
