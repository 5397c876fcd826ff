"""The archive beside `rclone copy` and s5cmd: the same files between the same two servers, in turns.

Counted is the client alone, whole processes, starting included. The rivals copy; Forebay also plans, decodes every
file to its end, hashes it and keeps a ledger. `python -m bench.archive --small 500 --large 4 --gigabytes 1` chooses.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.archive_rivals import Route, Tool, found
from bench.child import Cost, cost_of_command

TURNS = 3
SMALL, LARGE = "us_options_opra/day_aggs_v1", "us_stocks_sip/trades_v1"
BODIES = Path(tempfile.gettempdir(), "forebay-bench-files")
"""Made once, used again by later runs."""
CONCURRENCY = "4"


def run(turns: int = TURNS, small: int = 500, large: int = 4, large_bytes: int = 10**9) -> dict[str, object]:
    """Medians of wall seconds and CPU seconds per GB, and of the turns' ratios to the better rival."""
    return {
        "small_files": compare(SMALL, (small, 0, 0), turns),
        "large_files": compare(LARGE, (0, large, large_bytes), turns),
    }


def compare(dataset: str, files: tuple[int, int, int], turns: int) -> dict[str, object]:
    """One workload: `files` is how many small ones, how many large ones and of how many bytes."""
    make_files(*files)
    objects = listed()
    size = sum(line["size"] for line in objects)
    tools: dict[str, Tool] = {"forebay": forebay, **found()}
    costs: dict[str, list[Cost]] = {name: [] for name in tools}
    with serving(BODIES) as source:
        for _ in range(turns):
            for name, tool in tools.items():
                costs[name].append(_turn(tool, source, dataset, size))
                print(f"  {name:14} {costs[name][-1]}", file=sys.stderr)
    return {"files": len(objects), "bytes": size} | _report(costs, size / 1e9)


def make_files(small: int, large: int, large_bytes: int) -> None:
    """In a process of its own, so that this one stays small: a child's peak memory is at least its parent's."""
    command = [sys.executable, "-m", "bench.archive_files", str(BODIES), str(small), str(large), str(large_bytes)]
    subprocess.run(command, check=True)


def listed() -> list[dict[str, Any]]:
    """The objects of the source."""
    return list(json.loads((BODIES / "objects.json").read_text()))


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A server on `folder`; its address."""
    command = [sys.executable, "-m", "bench.s3_server", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.stdin.close()


def counts(url: str) -> dict[str, int]:
    """What a server did so far."""
    with urllib.request.urlopen(f"{url}/-") as answer:
        return dict(json.load(answer))


def forebay(route: Route) -> Cost:
    """Plan, then run every task."""
    return discover(route) + cost_of_command(WORKER, settings(route))


def discover(route: Route) -> Cost:
    """Queue every file that the server has."""
    days = sorted(line["key"][-17:-7] for line in listed())
    dates = ["--start-date", days[0], "--end-date", days[-1]]
    return cost_of_command([*_FOREBAY, "discoverer", "historical", "--dataset", route.dataset, *dates], settings(route))


_FOREBAY = [sys.executable, "-m", "forebay"]
WORKER = [*_FOREBAY, "worker", "--once", "--concurrency", CONCURRENCY]


def settings(route: Route) -> dict[str, str]:
    """Forebay's environment."""
    return {
        "HOME": str(route.home),
        "FOREBAY_HOME": str(route.home),
        "FOREBAY_FLATFILES_URL": route.source,
        "POLYGON_S3_ACCESS_KEY_ID": "key",
        "POLYGON_S3_SECRET_ACCESS_KEY": "secret",
        "ARCHIVE_URI": "s3://archive",
        "AWS_ENDPOINT_URL": route.target,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "LOG_LEVEL": "WARNING",
    }


def _turn(tool: Tool, source: str, dataset: str, size: int) -> Cost:
    """One run of a tool, into an empty server, with everything arrived."""
    with tempfile.TemporaryDirectory(prefix="forebay-bench-") as folder:
        home, target = Path(folder, "home"), Path(folder, "target")
        home.mkdir()
        target.mkdir()
        with serving(target) as url:
            cost = tool(Route(source, url, dataset, home))
            arrived = counts(url)["bytes_received"]
    if not size <= arrived <= size * 1.05:
        raise SystemExit(f"{arrived} bytes arrived where {size} were to be copied")
    return cost


def _report(costs: dict[str, list[Cost]], gigabytes: float) -> dict[str, float]:
    results: dict[str, float] = {}
    for name, turns in costs.items():
        results[f"wall_s_{name}"] = round(statistics.median(cost.wall for cost in turns), 2)
        results[f"cpu_s_per_gb_{name}"] = round(statistics.median(cost.cpu for cost in turns) / gigabytes, 2)
        results[f"peak_mb_{name}"] = round(max(cost.peak for cost in turns) / 1e6)
    rivals = [turns for name, turns in costs.items() if name != "forebay"]
    for what in ("wall", "cpu"):
        ratios = [
            getattr(ours, what) / min(getattr(turns[index], what) for turns in rivals)
            for index, ours in enumerate(costs["forebay"])
            if rivals
        ]
        if ratios:
            results[f"{what}_ratio_to_better"] = round(statistics.median(ratios), 2)
    return results


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--small", type=int, default=500)
    parser.add_argument("--large", type=int, default=4)
    parser.add_argument("--gigabytes", type=float, default=1.0, help="of a large file")
    asked = parser.parse_args()
    print(json.dumps(run(asked.turns, asked.small, asked.large, int(asked.gigabytes * 1e9)), indent=1))


if __name__ == "__main__":
    main()
