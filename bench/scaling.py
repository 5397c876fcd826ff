"""The whole history of the vendor, planned and booked for real; and the table of docs/scaling.md.

`python -m bench scaling` measures: every flat file there is into archive and lake, and 10,000 tickers of 20 years by
REST alone. What is fetched is not simulated: its time follows from the figures of ingest, lake and archive.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

from bench.scaling_tables import table

from forebay.clock import SystemClock
from forebay.db.tables import coverage
from forebay.db.upsert import insert_new
from forebay.ledger import Ledger
from forebay.ledger.records import coverage_record
from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS, DATASETS, Dataset
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import ARCHIVE, LAKE, Feed
from forebay.model.partition import Revision
from forebay.model.task import TaskDraft
from forebay.model.universe import Category, Listing, Universe
from forebay.orchestration.plan import Plan, Rates
from forebay.orchestration.planner import Planner
from forebay.orchestration.sources import Means
from forebay.orchestration.wanted import Reach, Wish, spell_out
from forebay.symbols.universes import Universes

END = date(2025, 12, 31)
NOW = datetime(2026, 1, 2, 17, tzinfo=UTC)
TICKERS = 10_000
TWENTY_YEARS = date(2006, 1, 3)
CALLS_A_MINUTE = 300
_AT_ONCE = 5_000


def run() -> dict[str, object]:
    """Files and tickers by the ledger; prints the table."""
    results = {"files": _measure(_every_file(), flatfiles=True), "tickers": _measure(_tickers(), flatfiles=False)}
    known = json.loads(Path(__file__).with_name("results.json").read_text("utf-8"))
    print(table(known, END), file=sys.stderr)
    return results


def _every_file() -> list[Feed]:
    """Every dataset that has files, whole, into both places."""
    names = tuple(DATASETS.values())
    return [Feed("all", names, None, min(each.first_date for each in names), END, destinations=(ARCHIVE, LAKE))]


def _tickers() -> list[Feed]:
    """Day and minute bars of as many stocks as are listed."""
    names = tuple(f"T{number:05}" for number in range(TICKERS))
    return [Feed("tickers", (BAR_DATASETS["stocks/bars_1d"], BAR_DATASETS["stocks/bars_1m"]), names, TWENTY_YEARS, END)]


def _measure(feeds: list[Feed], *, flatfiles: bool) -> dict[str, float]:
    """Plan what is missing, queue it, book it as held, and plan again."""
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{folder}/ledger.db", SystemClock()) as ledger:
        lifetimes = _list(ledger, feeds, flatfiles=flatfiles)
        means = Means(flatfiles, True, NOW.date(), timedelta(days=30), Rates(CALLS_A_MINUTE))  # noqa: FBT003
        planner = Planner(ledger, means, NOW, lifetimes)
        wishes = _wishes(feeds)
        plan, plan_seconds = _timed(lambda: planner.plan(wishes))
        tasks, queue_seconds = _timed(lambda: ledger.tasks.add(plan.each(), planned_at=NOW))
        queued = _size(folder)
        rows, book_seconds = _timed(lambda: _book(ledger, plan))
        again, again_seconds = _timed(lambda: planner.plan(wishes))
        assert not again.lines, again.lines[:3]
        return {
            "tasks": tasks,
            "rest_calls_fewest": plan.fewest_calls,
            "rest_calls_most": plan.calls,
            "plan_cpu_seconds": round(plan_seconds, 1),
            "queue_cpu_seconds": round(queue_seconds, 1),
            "coverage_rows": rows,
            "book_cpu_seconds": round(book_seconds, 1),
            "plan_again_cpu_seconds": round(again_seconds, 1),
            "ledger_mb_queued": queued,
            "ledger_mb_held": _size(folder),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def _list(ledger: Ledger, feeds: list[Feed], *, flatfiles: bool):
    """What the vendor has: its files, or who is listed."""
    universes = Universes(ledger.database, SystemClock())
    for feed in feeds:
        for dataset in feed.datasets if flatfiles else ():
            ledger.listings.remember(dataset.name, {day: _revision(dataset, day) for day in _days(dataset)})
        if feed.symbols:
            listings = tuple(Listing(one, type="CS", exchange="XNAS", currency="USD") for one in feed.symbols)
            universes.record(Universe(Category.US_EQUITIES, END, listings))
    return universes.lifetimes


def _days(dataset: Dataset) -> list[date]:
    return session_days(dataset.calendar, dataset.first_date, END)


def _revision(dataset: Dataset, day: date) -> Revision:
    return Revision(f"{hash((dataset.name, day)) & (1 << 128) - 1:032x}", 27_000_000, NOW - timedelta(days=1))


def _wishes(feeds: list[Feed]) -> list[Wish]:
    return spell_out(feeds, NOW, lambda _, dataset: Reach(dataset.first_date))


def _book(ledger: Ledger, plan: Plan) -> int:
    """Each task's coverage, as it is when all of them are done."""
    rows = 0
    each = plan.each()
    while drafts := list(islice(each, _AT_ONCE)):
        with ledger.database.write() as connection:
            rows += insert_new(connection, coverage, [coverage_record(_held(draft)) for draft in drafts])
    return rows


def _held(draft: TaskDraft) -> Coverage:
    evidence = Evidence(
        rows=50_000, bytes=27_000_000, sha256="0" * 64, revision=draft.revision, details={"rows_seen": 50_000}
    )
    return Coverage(draft.partition, draft.destination, draft.source, Verdict.COMPLETE, evidence, NOW)


def _timed(work):
    started = time.process_time()
    return work(), time.process_time() - started


def _size(folder: str) -> int:
    return round(sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6)
