"""The lake's benchmark runs from end to end, on a market too small to say anything of speed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TINY = ("--quick", "--no-curve", "--tickers=12", "--days=2", "--months=1", "--trades=5000", "--turns=1")


@pytest.mark.timeout(300)
def test_the_lake_benchmark_measures_every_contender_and_finds_the_same_rows(tmp_path):
    """Each figure of the report is there, and compaction leaves the digest as it was, in our lakes and the rivals'."""
    command = [sys.executable, "-m", "bench.lake", *TINY]
    env = os.environ | {"FOREBAY_BENCH_DIR": str(tmp_path)}

    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=280, check=False)

    assert done.returncode == 0, done.stderr
    said = dict(re.findall(r"^  (\S+) +([\d.,]+)", done.stdout, flags=re.MULTILINE))
    assert said["compact_digests"] == "1.000"
    assert {
        "minute_bars_cpu_to_the_faster",
        "trades_cpu_to_the_faster",
        "compact_wall_to_z_order",
        "one_ticker_times_faster_than_polars",
        "one_day_to_the_faster_plain_file",
        "months_1_one_ticker_all_months_ms",
    } <= said.keys()
    assert not list(tmp_path.glob("run-*")), "the work of the run stays behind"
