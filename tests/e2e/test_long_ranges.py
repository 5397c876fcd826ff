"""Ranges of many pages: stored and recorded as the pages come, so that what is cut off goes on where it was."""

from __future__ import annotations

import signal
from datetime import UTC, date, datetime, time

import pytest
from homes import Home, held, truth

from forebay import Sandbox
from forebay.app import App, new_worker_id
from forebay.clock import SystemClock
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed, SourceChoice
from forebay.model.intervals import union
from forebay.orchestration.sync import carry_out
from forebay.settings import load
from forked import Forked

TABLE = "crypto/bars_1m"
START, END = date(2026, 1, 1), date(2026, 3, 10)
"""Some 59,000 minutes that traded: two pages."""
FEED = Feed("long", (BAR_DATASETS[TABLE],), ("X:BTCUSD",), START, END, SourceChoice.REST)


@pytest.fixture(scope="module")
def vendor():
    with Sandbox(start=START, end=END, tickers=1) as running:
        yield running


@pytest.fixture(scope="module")
def market(vendor):
    return truth(vendor, TABLE, START, END, ["X:BTCUSD"])


def pages_asked(vendor, since):
    return [one.path for one in vendor.requests[since:] if "/range/1/minute/" in one.path]


def killed_at(point, home):
    child = Forked(_sync, cwd=home.folder, env={**home.env, "FOREBAY_FAILPOINT": point})
    child.communicate(60)
    return child.returncode


def _sync():
    app = App(load(), SystemClock(), new_worker_id())
    carry_out(app.outlook().look_ahead([FEED]).plan, app.ledger, app.worker())


def coverage(home):
    with home.app() as app:
        return app.ledger.coverage.find("lake", TABLE)


def test_a_range_of_two_pages_is_one_task_and_two_calls(tmp_path, vendor, market):
    """Every bar once, each page's whole sessions recorded by themselves, and a rerun that asks nothing."""
    home, since = Home(tmp_path, vendor), len(vendor.requests)
    status = home.sync(FEED)
    asked = pages_asked(vendor, since)
    rows = coverage(home)

    assert status.all_held
    assert 2 == len(asked)
    assert market.equals(held(home, TABLE).select(market.columns))
    assert [(START, END)] == [(one.start, one.end) for one in union(row.partition.dates for row in rows)]
    assert 2 == len(rows)
    assert market.height == sum(row.evidence.rows for row in rows)
    home.sync(FEED)
    assert 2 == len(pages_asked(vendor, since))


@pytest.mark.parametrize(
    ("point", "calls"),
    [
        ("fetch.stored:1", 2),
        ("fetch.recorded:1", 1),
        ("fetch.staged:2", 1),
        ("fetch.stored:2", 1),
    ],
)
def test_a_killed_range_goes_on_after_the_last_session_that_was_recorded(tmp_path, vendor, market, point, calls):
    """SIGKILL at any step of a page: the rerun asks for the pages after what is recorded, and ends in the same lake."""
    home = Home(tmp_path, vendor)
    assert -signal.SIGKILL == killed_at(point, home)
    since = len(vendor.requests)
    status = home.sync(FEED)

    assert calls == len(pages_asked(vendor, since))
    assert status.all_held
    assert market.equals(held(home, TABLE).select(market.columns))
    assert [] == [path for path in home.litter() if not path.startswith("lake/")]  # a replaced file stays for readers


def test_a_page_that_fails_costs_only_itself(tmp_path, market):
    """The second page's address is refused: the next attempt asks from the session after those that are recorded."""
    second = int(market["window_start"][49_999].timestamp() + 60) * 1000
    rules = [{"kind": "server_error", "path": f"*/{second}/*", "times": 40}]
    with Sandbox(start=START, end=END, tickers=1, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        status = home.sync(FEED)
        asked = pages_asked(vendor, 0)

    resumed = int(datetime.combine(market["session_date"][49_999], time(), UTC).timestamp()) * 1000
    assert status.all_held
    assert 1 == len([path for path in asked if f"/{second}/" not in path and f"/{resumed}/" not in path])
    assert f"/{resumed}/" in asked[-1]
    assert market.equals(held(home, TABLE).select(market.columns))
