"""`make bench`: benchmarks, side by side in one run; the figures are printed and written to results.json.

`python -m bench NAME ...` measures those only and leaves the other figures as they are.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")
LIBRARIES = ("polars", "pyarrow", "deltalake", "duckdb", "isal", "massive", "lzallright", "arcticdb", "confluent-kafka")
BENCHMARKS = (
    "startup",
    "rest_page",
    "pages",
    "ingest",
    "claims",
    "archive",
    "big_file",
    "planning",
    "calls",
    "rate_budget",
    "trades",
    "lzop",
    "bar_archive",
    "gaps",
    "service",
    "grid",
    "timescale",
    "kafka",
    "stream",
    "live",
    "live_latency",
)
LARGE = ("lake", "scaling")
"""Only when named: `make bench-lake` has an environment for the one, the other takes minutes."""


def main(names: list[str]) -> None:
    unknown = set(names) - {*BENCHMARKS, *LARGE}
    if unknown:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join((*BENCHMARKS, *LARGE))}")
    results = json.loads(RESULTS.read_text())
    results["machine"] = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    results["libraries"] |= {name: version(name) for name in LIBRARIES if find_spec(name)}
    for name in names or BENCHMARKS:
        benchmark = import_module(f"bench.{name}")
        print(f"== {name}: {(benchmark.__doc__ or '').splitlines()[0]}", file=sys.stderr)
        results[name] = benchmark.run()
        print(json.dumps({name: results[name]}, indent=1))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
