"""Plans whose history rolls, days that are not over, files that come, go and shrink."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from homes import SAID_BY_BOTH, Home, held, truth

from forebay import Sandbox
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Verdict
from forebay.model.feed import Feed, SourceChoice
from forebay.orchestration.sync import carry_out
from forebay.testing import FakeClock

MINUTES, DAYS = BAR_DATASETS["stocks/bars_1m"], BAR_DATASETS["stocks/bars_1d"]
MINUTE_FILES = MINUTES.name
START, END = date(2026, 3, 2), date(2026, 3, 13)


def sync_at(home, now, *feeds):
    """The main job at a moment of the tests' own choosing."""
    with home.app(FakeClock(now)) as app:
        prospect = app.outlook().look_ahead(feeds)
        carry_out(prospect.plan, app.ledger, app.worker())
        return app.status(prospect.wishes), prospect.plan


def test_days_before_the_plans_history_are_left_out_and_said(tmp_path):
    """A window that the vendor clips must not be taken for days without bars."""
    now = datetime(2026, 3, 12, 23, 30, tzinfo=UTC)
    clock = FakeClock(now)
    with Sandbox(start=date(2024, 1, 2), end=END, tickers=4, vendor_plan="basic", clock=clock) as vendor:
        home = Home(tmp_path, vendor)
        feed = Feed("old", (DAYS,), ("AAPL",), date(2024, 1, 2), date(2026, 3, 10), SourceChoice.REST)
        status, plan = sync_at(home, now, feed)
        first = held(home, "stocks/bars_1d")["session_date"].min()

    assert date(2024, 3, 12) <= first <= date(2024, 3, 20)
    assert "outside your plan's history" in plan.notes[0]
    assert first == status.rows[0].dates.start
    assert status.all_held


def test_a_delayed_plan_does_not_take_a_day_without_its_last_minutes(tmp_path):
    """A minute after the close its last quarter of an hour is not there yet: the day is asked for later."""
    close = datetime(2026, 3, 13, 0, 1, tzinfo=UTC)  # 20:01 in New York on the 12th
    with Sandbox(start=START, end=END, tickers=4, vendor_plan="starter", clock=FakeClock(close)) as vendor:
        home = Home(tmp_path, vendor)
        feed = Feed("fresh", (MINUTES,), ("AAPL",), START, None, SourceChoice.REST)
        status, _ = sync_at(home, close, feed)

        assert date(2026, 3, 11) == held(home, "stocks/bars_1m")["session_date"].max()
        assert status.all_held


def test_the_free_plan_works_in_the_evening(tmp_path):
    """Today's session is over but refused until midnight: it is pending, and history does not wait for it."""
    evening = datetime(2026, 3, 13, 1, 0, tzinfo=UTC)  # 21:00 in New York on the 12th
    with Sandbox(start=START, end=END, tickers=4, vendor_plan="basic", clock=FakeClock(evening)) as vendor:
        home = Home(tmp_path, vendor)
        feed = Feed("free", (DAYS,), ("AAPL",), START, None, SourceChoice.REST)
        status, _ = sync_at(home, evening, feed)

        assert date(2026, 3, 11) == held(home, "stocks/bars_1d")["session_date"].max()
        assert [(date(2026, 3, 12), Verdict.PENDING_UPSTREAM)] == [(h.dates.start, h.verdict) for h in status.holes]


def test_young_days_without_bars_are_asked_for_again(tmp_path):
    """A ticker that stopped trading yesterday may have been late: its newest days are known empty for a day only."""
    now = datetime(2026, 3, 13, 12, tzinfo=UTC)
    with Sandbox(start=START, end=date(2026, 3, 10), tickers=4) as vendor:
        home = Home(tmp_path, vendor)
        feed = Feed("late", (DAYS,), ("AAPL",), START, date(2026, 3, 12), SourceChoice.REST)
        status, _ = sync_at(home, now, feed)
        _, next_day = sync_at(home, now + timedelta(days=1, minutes=1), feed)

        assert status.all_held
        assert [date(2026, 3, 11)] == [draft.partition.dates.start for draft in next_day.drafts]


def test_a_published_file_that_failed_is_not_called_pending(tmp_path):
    """Yesterday's "not published yet" must not hide today's failure."""
    day = date(2026, 3, 12)
    rules = [
        {"kind": "late", "dataset": MINUTE_FILES, "date": day, "listings": 2},
        {"kind": "server_error", "dataset": MINUTE_FILES, "date": day, "request": "data"},
    ]
    feed = Feed("files", (MINUTES,), start=START, end=END)
    with Sandbox(start=START, end=END, tickers=4, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        statuses = [home.sync(feed) for _ in range(3)]

    assert not statuses[-1].all_held
    assert [(day, None)] == [(hole.dates.start, hole.verdict) for hole in statuses[-1].holes]
    assert "2026-03-12.csv.gz" in statuses[-1].holes[0].reason


def test_a_suspect_day_can_be_asked_for_again_by_hand(tmp_path):
    """`forebay tasks retry` takes it up once more, whatever state its task ended in."""
    day = date(2026, 3, 10)
    rules = [{"kind": "closing_minute_missing", "dataset": MINUTE_FILES, "date": day}]
    feed = Feed("files", (DAYS, MINUTES), start=day, end=day)
    with Sandbox(start=START, end=END, tickers=32, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        assert not home.sync(feed).all_held
        with home.app() as app:
            retried = app.ledger.tasks.retry()

    assert 1 == retried


@pytest.mark.parametrize("source", [SourceChoice.REST, SourceChoice.FLATFILES])
def test_a_wider_wish_keeps_what_is_held(tmp_path, source):
    """More days, more symbols: what was held stays, row for row."""
    with Sandbox(start=START, end=END, tickers=8) as vendor:
        home = Home(tmp_path, vendor)
        narrow = Feed("wish", (DAYS,), ("AAPL", "MSFT"), date(2026, 3, 5), date(2026, 3, 9), source)
        home.sync(narrow)
        status = home.sync(replace(narrow, start=START, end=END))

        found = held(home, "stocks/bars_1d").filter(held(home, "stocks/bars_1d")["ticker"].is_in(["AAPL", "MSFT"]))
        expected = truth(vendor, "stocks/bars_1d", START, END, ["AAPL", "MSFT"])

        assert status.all_held
        assert expected.select(SAID_BY_BOTH).equals(found.select(SAID_BY_BOTH))
