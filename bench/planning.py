"""Planning day and minute bars of thousands of tickers over five years when everything is held: time and memory.

Five timeframes are two tables. Held in two ways: every ticker by REST for itself, page by page, and the older four
years by whole-market files with the last year by REST. Beside it, planning the same tickers when nothing is held.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from forebay.clock import SystemClock
from forebay.db.tables import coverage
from forebay.db.upsert import insert_new
from forebay.ledger import Ledger
from forebay.ledger.records import coverage_record
from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE, Feed
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.model.universe import Category, Listing, Universe
from forebay.orchestration.plan import Rates
from forebay.orchestration.planner import Planner
from forebay.orchestration.sources import Means
from forebay.orchestration.wanted import Reach, Wish, spell_out
from forebay.symbols.universes import Universes

SIZES = (2_500, 5_000, 10_000)
TARGET_SECONDS = 5.0
START, END = date(2021, 1, 4), date(2025, 12, 31)
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
_BORDER = date(2025, 1, 2)
_PAGES = 8
"""Rows of minute bars for each ticker: five years of one that trades in a third of all minutes."""
_TURNS = 3
Rows = Callable[[tuple[str, ...]], Iterator[Coverage]]
_TABLES = ("stocks/bars_1d", "stocks/bars_1m")


def run() -> dict[str, object]:
    """Seconds by number of tickers, and how far from linear they are."""
    results: dict[str, object] = {"target_seconds": TARGET_SECONDS}
    for name, rows in (("by_ticker", _by_ticker), ("files_and_rest", _mixed), ("nothing_held", _nothing)):
        seconds = {size: _measure(_tickers(size), rows) for size in SIZES}
        results[name] = {str(size): round(value, 2) for size, value in seconds.items()}
        results[f"{name}_growth"] = round(seconds[SIZES[-1]] / seconds[SIZES[0]] / (SIZES[-1] / SIZES[0]), 2)
    results["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return results


def _tickers(size: int) -> tuple[str, ...]:
    return tuple(f"T{number:05}" for number in range(size))


def _measure(tickers: tuple[str, ...], rows: Rows) -> float:
    """The median of a few plans, each from the ledger anew."""
    folder = tempfile.TemporaryDirectory()
    with folder as path, Ledger.open(f"sqlite:///{path}/ledger.db", SystemClock()) as ledger:
        _fill(ledger, rows(tickers))
        universes = Universes(ledger.database, SystemClock())
        listings = tuple(Listing(ticker, type="CS", exchange="XNAS", currency="USD") for ticker in tickers)
        universes.record(Universe(Category.US_EQUITIES, END, listings))
        means = Means(True, True, NOW.date(), timedelta(days=30), Rates(300))  # noqa: FBT003
        times = []
        for _ in range(_TURNS):
            started = time.perf_counter()
            plan = Planner(ledger, means, NOW, universes.lifetimes).plan(_wishes(tickers))
            times.append(time.perf_counter() - started)
            assert bool(plan.lines) == (rows is _nothing)
    return statistics.median(times)


def _wishes(tickers: tuple[str, ...]) -> list[Wish]:
    feed = Feed("all", tuple(BAR_DATASETS[table] for table in _TABLES), tickers, START, END)
    return spell_out([feed], NOW, lambda _, dataset: Reach(dataset.first_date))


def _fill(ledger: Ledger, rows: Iterable[Coverage]) -> None:
    records = [coverage_record(row) for row in rows]
    with ledger.database.write() as connection:
        for first in range(0, len(records), 5_000):
            insert_new(connection, coverage, records[first : first + 5_000])


def _nothing(_: tuple[str, ...]) -> Iterator[Coverage]:
    return iter(())


def _by_ticker(tickers: tuple[str, ...], start: date = START) -> Iterator[Coverage]:
    for ticker in tickers:
        yield _row("stocks/bars_1d", ticker, Interval(start, END), Source.REST)
        for dates in _pieces(start, int(ticker[1:]) % 30):
            yield _row("stocks/bars_1m", ticker, dates, Source.REST)


def _mixed(tickers: tuple[str, ...]) -> Iterator[Coverage]:
    for table in _TABLES:
        for day in session_days("XNYS", START, _BORDER - timedelta(days=1)):
            yield _row(table, ALL_SYMBOLS, Interval(day, day), Source.FLATFILE)
    yield from _by_ticker(tickers, _BORDER)


def _pieces(start: date, offset: int) -> Iterator[Interval]:
    """Pages end on other days for each ticker."""
    step = timedelta(days=(END - start).days // _PAGES)
    while start < END:
        end = END if END - start < 2 * step else start + step + timedelta(days=offset)
        yield Interval(start, end)
        start = end + timedelta(days=1)


def _row(table: str, symbol: str, dates: Interval, source: Source) -> Coverage:
    revision = Revision("etag", 27_000_000, NOW) if source is Source.FLATFILE else None
    evidence = Evidence(rows=50_000, revision=revision, details={"rows_seen": 50_000})
    return Coverage(Partition(table, symbol, dates), LAKE, source, Verdict.COMPLETE, evidence, NOW)


if __name__ == "__main__":
    import json

    json.dump(run(), sys.stdout, indent=1)
