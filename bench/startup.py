"""How long `forebay --help` and `--version` take over a bare interpreter, in turns."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

TURNS = 7
TARGET = 0.3
"""Seconds over a bare interpreter."""


def run() -> dict[str, float]:
    """Median seconds that each takes longer than `python -c pass`."""
    results: dict[str, float] = {"target_seconds": TARGET}
    for flag in ("--help", "--version"):
        over = [_seconds("-m", "forebay", flag) - _seconds("-c", "pass") for _ in range(TURNS)]
        results[f"{flag.strip('-')}_seconds_over_bare"] = round(statistics.median(over), 3)
    return results


def _seconds(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
