"""One file of 10 GB: peak memory of the worker that archives it, and what is fetched again after a kill at 90 %.

`python -m bench.big_file --gigabytes 1` makes it smaller. The spool needs room for the file, and the target server for
a second copy.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.archive import BODIES, LARGE, WORKER, counts, discover, listed, make_files, serving, settings
from bench.archive_rivals import Route
from bench.child import Cost, cost_of_command

GIGABYTES = 10.0
KILL_AT = 0.9
_LOOK_EVERY = 0.05
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file that is queued, between two servers."""

    route: Route
    size: int

    def fetched(self) -> int:
        """Bytes that the source has sent."""
        return counts(self.route.source).get("bytes_sent", 0)

    def work(self, *flags: str) -> Cost:
        """Run the worker to its end; the file has to have arrived."""
        before = counts(self.route.target).get("bytes_received", 0)
        cost = cost_of_command([*WORKER, *flags], settings(self.route))
        if counts(self.route.target)["bytes_received"] - before < self.size:
            raise SystemExit("the file did not arrive")
        return cost


def run(gigabytes: float = GIGABYTES) -> dict[str, float]:
    """Peak memory in MB, seconds, and the share of the file that a killed download fetched twice."""
    make_files(0, 1, int(gigabytes * 1e9))
    with _queued() as place:
        streamed = place.work()
    with _queued() as place:
        _kill_spooling(place)
        before = place.fetched()
        spooled = place.work("--spool")
        fetched = place.fetched()
    return {
        "bytes": place.size,
        "peak_mb": round(streamed.peak / 1e6),
        "peak_mb_spool": round(spooled.peak / 1e6),
        "wall_s": round(streamed.wall, 1),
        "cpu_s_per_gb": round(streamed.cpu / place.size * 1e9, 2),
        "killed_at_share": round(before / place.size, 3),
        "fetched_again_share": round(fetched / place.size - 1, 4),
    }


@contextmanager
def _queued() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="forebay-bench-") as folder, serving(BODIES) as source:
        home, target = Path(folder, "home"), Path(folder, "target")
        home.mkdir()
        target.mkdir()
        with serving(target) as url:
            place = Place(Route(source, url, LARGE, home), sum(line["size"] for line in listed()))
            discover(place.route)
            yield place


def _kill_spooling(place: Place) -> None:
    """SIGKILL a worker when the source has sent KILL_AT of the file."""
    command = [*WORKER, "--spool"]
    with subprocess.Popen(command, env=settings(place.route), stderr=subprocess.PIPE) as worker:
        while place.fetched() < KILL_AT * place.size:
            if worker.poll() is not None:
                raise SystemExit("the worker ended before it could be killed")
            time.sleep(_LOOK_EVERY)
        worker.kill()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=GIGABYTES)
    print(json.dumps(run(parser.parse_args().gigabytes), indent=1))


if __name__ == "__main__":
    main()
