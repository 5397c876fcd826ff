"""Whatever the vendor does: the same digest, or the right verdict with its reason. Nothing silently dropped or kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from homes import SAID_BY_BOTH, Home, held, truth

from forebay import Sandbox
from forebay.errors import NotEntitled
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Verdict
from forebay.model.feed import Feed, SourceChoice

START, END = date(2026, 3, 2), date(2026, 3, 13)
DAYS, MINUTES, CRYPTO = "stocks/bars_1d", "stocks/bars_1m", "crypto/bars_1m"
FILES = Feed("files", (BAR_DATASETS[DAYS], BAR_DATASETS[MINUTES]), start=START, end=END)
PAGES = Feed("pages", (BAR_DATASETS[CRYPTO],), ("X:BTCUSD", "X:ETHUSD"), START, END, SourceChoice.REST)
DAY_FILES, MINUTE_FILES = "us_stocks_sip/day_aggs_v1", "us_stocks_sip/minute_aggs_v1"
PASSING = [
    {"kind": "rate_limited", "path": "/v2/aggs/*", "times": 1, "retry_after": 1},
    {"kind": "rate_limited", "path": "/v2/aggs/*", "times": 1},
    {"kind": "rate_limited", "dataset": DAY_FILES, "request": "data", "times": 1},
    {"kind": "server_error", "path": "/v2/aggs/*", "status": 502, "times": 2},
    {"kind": "server_error", "request": "listing", "times": 1},
    {"kind": "connect_stall", "dataset": DAY_FILES, "request": "data", "seconds": 4, "times": 1},
    {"kind": "connect_stall", "path": "/v2/aggs/*", "seconds": 4, "times": 1},
    {"kind": "read_stall", "dataset": MINUTE_FILES, "request": "data", "seconds": 4, "times": 1},
    {"kind": "read_stall", "path": "/v2/aggs/*", "seconds": 4, "times": 1},
    {"kind": "cut", "dataset": MINUTE_FILES, "request": "data", "times": 2},
    {"kind": "cut", "path": "/v2/aggs/*", "times": 1},
    {"kind": "truncated_gzip", "dataset": MINUTE_FILES, "date": date(2026, 3, 4), "times": 1},
    {"kind": "bit_flip", "dataset": MINUTE_FILES, "date": date(2026, 3, 5), "times": 1},
    {"kind": "foreign_ticker", "path": "/v2/aggs/*", "times": 1},
    {"kind": "bar_outside_window", "path": "/v2/aggs/*", "times": 1},
    {"kind": "server_error", "every": 9, "times": 6, "request": "data"},
]


def equal(home, vendor, table, without=(), tickers=None):
    expected, found = truth(vendor, table, START, END, tickers), held(home, table)
    good = ~pl.col("session_date").is_in(list(without))
    return expected.filter(good).select(SAID_BY_BOTH).equals(found.filter(good).select(SAID_BY_BOTH))


def holes(status, table):
    return {hole.dates.start: (hole.verdict, hole.reason) for hole in status.holes if hole.table == table}


@pytest.mark.timeout(240)
def test_faults_that_pass_leave_no_trace(tmp_path):
    """429, 5xx, stalls, cuts, damaged bytes, wrong pages: all of them at once, and the lake is the market."""
    with Sandbox(start=START, end=END, tickers=20, faults=PASSING) as vendor:
        home = Home(tmp_path, vendor, patience=1.0)
        status = home.sync(FILES, PAGES)
        struck = {request.fault for request in vendor.requests} - {None, ""}

        assert {rule["kind"] for rule in PASSING} == struck
        assert status.all_held
        assert all(equal(home, vendor, table) for table in (DAYS, MINUTES))
        assert equal(home, vendor, CRYPTO, tickers=PAGES.symbols)
        assert [] == home.litter()


def test_faults_that_last_end_in_a_verdict_with_its_reason(tmp_path):
    """A file that stays bad, or away: its day is named, everything else is held whole."""
    bad = {
        date(2026, 3, 3): ("truncated_gzip", None, "2026-03-03.csv.gz"),
        date(2026, 3, 4): ("bit_flip", Verdict.SUSPECT, "damaged"),
        date(2026, 3, 5): ("window_start_a_day_late", Verdict.SUSPECT, "session"),
        date(2026, 3, 6): ("window_start_negative", Verdict.SUSPECT, "session"),
        date(2026, 3, 9): ("missing", Verdict.MISSING_UPSTREAM, "not in the vendor's listing"),
        date(2026, 3, 10): ("closing_minute_missing", Verdict.SUSPECT, "lack the minute in which they closed"),
    }
    rules = [{"kind": kind, "dataset": MINUTE_FILES, "date": day} for day, (kind, _, _) in bad.items()]
    with Sandbox(start=START, end=END, tickers=32, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        status = home.sync(FILES)

        found = holes(status, MINUTES)
        assert {day: verdict for day, (_, verdict, _) in bad.items()} == {day: one[0] for day, one in found.items()}
        assert all(words in found[day][1] for day, (_, _, words) in bad.items()), found
        assert not status.all_held
        assert equal(home, vendor, MINUTES, without=bad)
        assert equal(home, vendor, DAYS)
        assert {"bit_flip", "window_start_a_day_late", "window_start_negative"} == {
            bad[one.day][0] for one in _quarantine(home)
        }


def test_a_file_that_is_late_is_pending_and_taken_when_it_comes(tmp_path):
    """No error: the next run has it."""
    late = date(2026, 3, 12)
    rules = [{"kind": "late", "dataset": MINUTE_FILES, "date": late, "listings": 3}]
    with Sandbox(start=START, end=END, tickers=8, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        first, *_, last = [home.sync(FILES) for _ in range(4)]

        assert {late} == set(holes(first, MINUTES))
        assert last.all_held
        assert equal(home, vendor, MINUTES)


def test_a_replaced_file_replaces_its_day(tmp_path):
    """A new ETag is noticed by the next listing, fetched, and put in the place of the old rows."""
    day = date(2026, 3, 12)
    rules = [{"kind": "replaced", "dataset": MINUTE_FILES, "date": day, "reads": 1}]
    with Sandbox(start=START, end=END, tickers=8, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        home.sync(FILES)
        before = held(home, MINUTES)
        again = home.sync(FILES)

        assert again.all_held
        assert not before.equals(held(home, MINUTES))
        assert equal(home, vendor, MINUTES)


@pytest.mark.parametrize(
    ("asset_class", "day", "kind"),
    [
        ("stocks", date(2019, 8, 12), "window_start_a_day_late"),
        ("options", date(2025, 2, 10), "window_start_negative"),
    ],
)
def test_a_known_bad_file_is_put_right_and_says_so(tmp_path, asset_class, day, kind):
    """The vendor's two famous day files: repaired to the key's own date, and the evidence names the repair."""
    dataset = BAR_DATASETS[f"{asset_class}/bars_1d"]
    rules = [{"kind": kind, "dataset": dataset.name, "date": day}]
    with Sandbox(start=day, end=day, tickers=12, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        status = home.sync(Feed("bad", (dataset,), start=day, end=day))
        with home.app() as app:
            evidence = app.ledger.coverage.find("lake", dataset.table)[0].evidence

        assert status.all_held
        expected = truth(vendor, dataset.table, day, day).select(SAID_BY_BOTH)
        assert expected.equals(held(home, dataset.table).select(SAID_BY_BOTH))
        assert any(name.startswith("repaired_") and count for name, count in evidence.details.items())


def test_a_dataset_outside_the_plan_fails_fast_and_by_name(tmp_path):
    """One question, one clear answer, and no task for what cannot be had."""
    with Sandbox(start=START, end=END, tickers=8, vendor_plan="basic") as vendor:
        home = Home(tmp_path, vendor)
        with pytest.raises(NotEntitled, match="your plan does not include us_stocks_sip/day_aggs_v1"):
            home.sync(replace(FILES, source=SourceChoice.FLATFILES))

        assert not [request for request in vendor.requests if request.kind == "data"]


def test_a_dataset_outside_the_plan_does_not_stop_the_others(tmp_path):
    """What can be had is had."""
    rules = [{"kind": "not_entitled", "dataset": MINUTE_FILES, "request": kind} for kind in ("head", "data")]
    with Sandbox(start=START, end=END, tickers=8, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        home.sync(FILES)

        assert equal(home, vendor, DAYS)
        assert [DAYS] == home.lake.tables()


def _quarantine(home):
    with home.app() as app:
        return app.quarantine.list()
