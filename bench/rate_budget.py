"""A hundred callers in four processes on one budget of 300 calls a minute, for an hour of simulated time.

The clock stands while anybody is at work, so the figures of use are exact, and the seconds are what the books cost.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from forebay.ledger import Ledger
from forebay.testing import FakeClock

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from budget_load import hammer, most_in_a_minute, open_budget
from postgres_server import create_database, postgresql
from redis_server import redis_server

LIMIT, MINUTES, PROCESSES, THREADS = 300, 60, 4, 25
TARGET = 297
"""Calls a minute that must be used."""


def run() -> dict[str, object]:
    """For each book: the most calls in any 60 s, calls a minute, the callers' least and most, and seconds it took."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    results: dict[str, object] = {"limit": LIMIT, "target_used_per_minute": TARGET, "minutes": MINUTES}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        results["sqlite"] = _hour(_ledger(f"sqlite:///{folder}/ledger.db"))
        for name, start in (("postgresql", postgresql), ("redis", redis_server)):
            try:
                server = stack.enter_context(start())
            except pytest.skip.Exception as missing:
                results[name] = str(missing)
            else:
                place = _ledger(create_database(server, "hour")) if name == "postgresql" else _known(server.url)
                results[name] = _hour(place)
    return results


def _ledger(url: str) -> str:
    Ledger.open(url, FakeClock()).close()
    return url


def _known(url: str) -> str:
    """A book that has been in use for an hour: a server that has just started is not believed for a minute."""
    place = f"{url}#account"
    with open_budget(place, LIMIT, FakeClock(FakeClock().now() - timedelta(hours=1))) as budget:
        budget.acquire()
    return place


def _hour(place: str) -> dict[str, float]:
    started = time.perf_counter()
    by_caller = hammer(place, LIMIT, MINUTES, processes=PROCESSES, threads=THREADS)
    seconds = time.perf_counter() - started
    counts = [len(calls) for calls in by_caller]
    return {
        "most_in_any_60_s": most_in_a_minute([call for calls in by_caller for call in calls]),
        "used_per_minute": round(sum(counts) / MINUTES, 2),
        "calls_of_one_caller_least": min(counts),
        "calls_of_one_caller_most": max(counts),
        "seconds": round(seconds, 1),
    }
