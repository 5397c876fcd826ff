"""`make bench`: every benchmark, side by side in one run; the figures are printed and written to results.json."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from bench import archive, big_file, claims, ingest, rest_page, startup

RESULTS = Path(__file__).with_name("results.json")
LIBRARIES = ("polars", "pyarrow", "deltalake", "duckdb", "isal", "massive")


def main() -> None:
    results: dict[str, object] = {
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    for benchmark in (startup, rest_page, ingest, claims, archive, big_file):
        name = benchmark.__name__.rpartition(".")[2]
        print(f"== {name}: {(benchmark.__doc__ or '').splitlines()[0]}", file=sys.stderr)
        results[name] = benchmark.run()
        print(json.dumps({name: results[name]}, indent=1))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
