"""The coverage grid as pages ask for it, against the same counts by SQL that looks at each cell's sessions one by one.

Six datasets of whole markets over 25 years, a row of coverage for each file; and 10,000 symbols over two years, each
with four ranges of its own and a listing of its own. What is timed is a page of the service, from the request to its
last byte, once made anew and once kept; the SQL only counts. Times are of the processor, so that other work on the
machine is left out.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from starlette.testclient import TestClient

from forebay.app import App, new_worker_id
from forebay.app.grid import open_grids
from forebay.db.tables import coverage
from forebay.db.upsert import insert_new
from forebay.ledger.records import coverage_record
from forebay.model.calendar import session_days
from forebay.model.catalogue import LAKE_DATASETS, Dataset
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE, Feed
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.model.universe import Category, Listing, Universe
from forebay.orchestration.grid.grids import Overview
from forebay.service.factory import create_app
from forebay.settings import load
from forebay.testing import FakeClock

TARGET_MS, TARGET_RATIO = 300, 0.5
TABLES = ("stocks/bars_1d", "stocks/bars_1m", "stocks/trades", "stocks/quotes", "crypto/bars_1m", "forex/bars_1m")
YEARS = Interval(date(2003, 9, 10), date(2028, 9, 8))
"""As the vendor's history of stocks will be then; crypto and forex are younger, and have more sessions a year."""
SYMBOLS = 10_000
TWO_YEARS = Interval(date(2024, 1, 2), date(2025, 12, 31))
_CHECKED, _NOW = datetime(2026, 1, 2, 12, tzinfo=UTC), datetime(2028, 9, 11, 12, tzinfo=UTC)
_TURNS = 7
_STALE = 11.0
"""Seconds after which nothing of an earlier answer is shown again."""
_Sessions = dict[str, Sequence[date]]
T = TypeVar("T")


def run() -> dict[str, object]:
    """Milliseconds of pages (the median), what the counts alone took, and the naive SQL's for the same counts."""
    markets = {table: _sessions(LAKE_DATASETS[table]) for table in TABLES}
    symbols = {"stocks/bars_1m": session_days("XNYS", TWO_YEARS.start, TWO_YEARS.end)}
    named = tuple(f"T{number:05}" for number in range(SYMBOLS))
    shown: dict[str, object] = {"target_ms": TARGET_MS, "target_ratio": TARGET_RATIO}
    shown["25 years of 6 datasets"] = _measured(markets, (ALL_SYMBOLS,), _files(markets))
    shown["10,000 symbols"] = _measured(symbols, named, _ranges(named))
    return shown


def _sessions(dataset: Dataset) -> Sequence[date]:
    return session_days(dataset.calendar, max(dataset.first_date, YEARS.start), YEARS.end)


def _measured(sessions: _Sessions, symbols: tuple[str, ...], rows: Iterator[Coverage]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        settings = load(environ={"FOREBAY_HOME": folder})
        clock = FakeClock(_NOW)
        with closing(App(settings, clock, new_worker_id())) as app:
            recorded = _fill(app, sessions, symbols, rows)
            with TestClient(create_app(settings, clock), "http://127.0.0.1", client=("127.0.0.1", 1)) as client:
                kept = _page(client, "/", clock, 0.0)
                pages = {path: _page(client, path, clock, _STALE) for path in ("/", f"/grid/{next(iter(sessions))}")}
            naive, naive_held = _naive(app, sessions, symbols)
            counting, held = _counted(app)
    assert held == naive_held, f"{held} is not {naive_held}"
    slowest = max(pages.values())
    return {
        "rows of coverage": recorded,
        "symbol sessions held": held,
        **{f"ms of {path}": round(1000 * seconds, 1) for path, seconds in pages.items()},
        "ms of / when nothing was written since": round(1000 * kept, 1),
        "ms of the counts": round(1000 * counting, 1),
        "ms of naive SQL": round(1000 * naive, 1),
        "ratio of the counts": round(counting / naive, 4),
        "ratio of the slowest page": round(slowest / naive, 4),
        "within the targets": 1000 * slowest < TARGET_MS and slowest / naive <= TARGET_RATIO,
    }


def _fill(app: App, sessions: _Sessions, symbols: tuple[str, ...], rows: Iterator[Coverage]) -> int:
    records = [coverage_record(row) for row in rows]
    with app.ledger.database.write() as connection:
        for first in range(0, len(records), 5_000):
            insert_new(connection, coverage, records[first : first + 5_000])
    everybody = symbols == (ALL_SYMBOLS,)
    first, last = min(days[0] for days in sessions.values()), max(days[-1] for days in sessions.values())
    datasets = tuple(LAKE_DATASETS[table] for table in sessions)
    app.ledger.feeds.remember(Feed("all", datasets, None if everybody else symbols, first, last))
    if not everybody:
        listed = [first - timedelta(days=365 + number % 3_000) for number in range(len(symbols))]
        found = (Listing(one, type="CS", listed=day) for one, day in zip(symbols, listed, strict=True))
        app.universes.record(Universe(Category.US_EQUITIES, last, tuple(found)))
    return len(records)


def _page(client: TestClient, path: str, clock: FakeClock, age: float) -> float:
    """The median of a few answers, the first apart, each so many seconds after the one before."""
    client.get(path).raise_for_status()
    seconds = []
    for _ in range(_TURNS):
        clock.advance(age)
        seconds.append(_timed(lambda: client.get(path).raise_for_status())[0])
    return statistics.median(seconds)


def _counted(app: App) -> tuple[float, int]:
    """Seconds of the counts by month alone, all of them anew, and how many symbol sessions are held."""
    turns = [_timed(lambda: _held(open_grids(app).overview())) for _ in range(_TURNS)]
    return statistics.median(seconds for seconds, _ in turns), turns[-1][1]


def _held(overview: Overview) -> int:
    return sum(cell.held for table in overview.tables for cell in table.months.values())


def _naive(app: App, sessions: _Sessions, symbols: tuple[str, ...]) -> tuple[float, int]:
    """Seconds of the same by a row for each symbol and session, joined with the coverage that holds it; and its sum."""
    with app.ledger.database.write() as connection:
        connection.execute(sa.text("CREATE TABLE days (table_name TEXT, day TEXT, PRIMARY KEY (table_name, day))"))
        connection.execute(sa.text("CREATE TABLE symbols (symbol TEXT PRIMARY KEY)"))
        pairs = [{"a": table, "b": day.isoformat()} for table, days in sessions.items() for day in days]
        connection.execute(sa.text("INSERT INTO days VALUES (:a, :b)"), pairs)
        connection.execute(sa.text("INSERT INTO symbols VALUES (:a)"), [{"a": symbol} for symbol in symbols])
    with app.ledger.database.read() as connection:
        seconds, rows = _timed(lambda: connection.execute(sa.text(_SQL)).all())
    return seconds, sum(row[3] for row in rows)


_SQL = """
SELECT days.table_name, substr(days.day, 1, 7) AS month, count(*) AS wanted, sum(EXISTS (
    SELECT 1 FROM coverage
    WHERE coverage.destination = 'lake' AND coverage.table_name = days.table_name AND coverage.symbol = symbols.symbol
      AND coverage.start_date <= days.day AND coverage.end_date >= days.day
      AND coverage.verdict IN ('complete', 'known_empty') AND coverage.source != 'stream'
)) AS held
FROM days CROSS JOIN symbols GROUP BY 1, 2
"""


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def _files(sessions: _Sessions) -> Iterator[Coverage]:
    for table, days in sessions.items():
        for number, day in enumerate(days):
            if number % 500:  # some are missing
                yield _row(table, ALL_SYMBOLS, Interval(day, day), Source.FLATFILE)


def _ranges(symbols: Sequence[str]) -> Iterator[Coverage]:
    step = timedelta(days=TWO_YEARS.days // 4)
    for number, symbol in enumerate(symbols):
        offset, start = timedelta(days=number % 30), TWO_YEARS.start
        for _ in range(3):
            yield _row("stocks/bars_1m", symbol, Interval(start, start + step + offset), Source.REST)
            start += step + offset + timedelta(days=1 + number % 2)
        if start <= TWO_YEARS.end:
            yield _row("stocks/bars_1m", symbol, Interval(start, TWO_YEARS.end), Source.REST)


def _row(table: str, symbol: str, dates: Interval, source: Source) -> Coverage:
    revision = Revision("etag", 27_000_000, _CHECKED) if source is Source.FLATFILE else None
    evidence = Evidence(revision=revision, details={"rows_seen": 50_000})
    return Coverage(Partition(table, symbol, dates), LAKE, source, Verdict.COMPLETE, evidence, _CHECKED)
