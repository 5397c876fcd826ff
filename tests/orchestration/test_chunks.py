"""Cutting gaps into tasks."""

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed
from forebay.model.partition import ALL_SYMBOLS, Revision
from forebay.orchestration.chunks import PAGE_BARS, fetch_drafts, file_draft, sessions_per_request
from forebay.orchestration.wanted import Wish
from forebay.testing import FakeClock

MINUTES = BAR_DATASETS["stocks/bars_1m"]
SESSIONS = session_days("XNYS", date(2023, 1, 1), date(2024, 12, 31))


@given(st.sets(st.sampled_from(SESSIONS), min_size=1))
def test_every_missing_day_is_asked_once_and_every_request_fits_a_page(missing):
    """Whatever is missing: the requests cover it, do not overlap, and none can hold more bars than a page."""
    drafts = list(fetch_drafts(MINUTES, "AAPL", sorted(missing), "lake"))
    asked = [draft.partition.dates for draft in drafts]

    assert all(any(day in dates for dates in asked) for day in missing)
    assert all(one.end < other.start for one, other in itertools.pairwise(asked))
    assert all(960 * len(session_days("XNYS", dates.start, dates.end)) <= PAGE_BARS for dates in asked)


def test_a_year_of_minutes_is_five_requests():
    """251 sessions at 52 a page."""
    year = session_days("XNYS", date(2024, 1, 1), date(2024, 12, 31))

    assert 52 == sessions_per_request(MINUTES)
    assert 5 == len(list(fetch_drafts(MINUTES, "AAPL", year, "lake")))


def test_day_bars_of_all_years_are_one_request():
    """Day pages hold 50,000 days."""
    assert 1 == len(list(fetch_drafts(BAR_DATASETS["stocks/bars_1d"], "AAPL", SESSIONS, "lake")))


def test_the_whole_market_is_asked_day_by_day():
    """Grouped daily answers for one date."""
    drafts = list(fetch_drafts(BAR_DATASETS["stocks/bars_1d"], ALL_SYMBOLS, SESSIONS[:3], "lake"))

    assert [(day, day) for day in SESSIONS[:3]] == [(d.partition.dates.start, d.partition.dates.end) for d in drafts]


def test_two_tickers_that_differ_in_case_are_two_tasks():
    """AAP and AAp: two instruments, two keys, on every file system."""
    one, other = (next(fetch_drafts(MINUTES, ticker, SESSIONS[:1], "lake")) for ticker in ("AAP", "AAp"))

    assert one.key.casefold() != other.key.casefold()


def test_fresh_days_come_first_and_day_bars_before_minutes():
    """Priority orders by date, then the small files."""
    revision = Revision("e", 1, FakeClock().now())
    day = SESSIONS[10]
    bars_1d = BAR_DATASETS["stocks/bars_1d"]
    minutes, days = (Wish(Feed("all", (each,)), each, (ALL_SYMBOLS,), (day,)) for each in (MINUTES, bars_1d))
    minutes_today = file_draft(minutes, day, revision)
    days_today = file_draft(days, day, revision)
    days_before = file_draft(days, day - timedelta(days=1), revision)

    assert days_today.priority > minutes_today.priority > days_before.priority
