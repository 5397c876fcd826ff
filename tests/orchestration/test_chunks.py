"""Cutting gaps into tasks."""

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed
from forebay.model.intervals import runs
from forebay.model.partition import ALL_SYMBOLS, Revision
from forebay.orchestration.chunks import MOST_PAGES, fetch_drafts, file_draft, requests, sessions_per_page
from forebay.orchestration.wanted import Wish
from forebay.testing import FakeClock

MINUTES = BAR_DATASETS["stocks/bars_1m"]
SESSIONS = session_days("XNYS", date(2023, 1, 1), date(2024, 12, 31))


@given(st.sets(st.sampled_from(SESSIONS), min_size=1))
def test_every_missing_day_is_asked_once_and_no_busy_ticker_pays_for_what_is_held(days):
    """Whatever is missing: the requests cover it, do not overlap, and take no more pages than asking run by run."""
    asked = requests(MINUTES, sorted(days))

    assert all(any(day in one.dates for one in asked) for day in days)
    assert all(one.dates.end < other.dates.start for one, other in itertools.pairwise(asked))
    assert sum(one.pages for one in asked) <= sum(pages_of(run) for run in runs(days, SESSIONS))
    assert all(one.pages == pages_of(one.dates) <= MOST_PAGES for one in asked)


def pages_of(dates):
    return -(-960 * len(session_days("XNYS", dates.start, dates.end)) // (52 * 960))


def test_two_years_of_minutes_are_one_request():
    """A quiet ticker's are one call; the busiest one's at most ten, page after page."""
    assert 52 == sessions_per_page(MINUTES)
    assert [(SESSIONS[0], SESSIONS[-1], 10)] == [
        (one.dates.start, one.dates.end, one.pages) for one in requests(MINUTES, SESSIONS)
    ]


def test_a_task_has_a_length_that_it_cannot_pass():
    """Twenty years of the busiest stock are not one task."""
    decades = session_days("XNYS", date(2004, 1, 1), date(2023, 12, 31))

    assert [26, 26, 26] == [one.pages for one in requests(MINUTES, decades)][:3]


def test_a_hole_that_costs_a_page_is_left_out():
    """Two missing days in a page's reach are one request; farther apart they are two, and what is held is not read."""
    near, far = (SESSIONS[0], SESSIONS[40]), (SESSIONS[0], SESSIONS[300])

    assert [1, 2] == [len(requests(MINUTES, days)) for days in (near, far)]


def test_the_current_day_is_asked_for_by_itself():
    """The plan may refuse it, and history must not wait."""
    asked = requests(MINUTES, SESSIONS, today=SESSIONS[-1])

    assert [SESSIONS[-2], SESSIONS[-1]] == [one.dates.end for one in asked]
    assert SESSIONS[-1] == asked[-1].dates.start


def test_day_bars_of_all_years_are_one_request():
    """Day pages hold 50,000 days."""
    assert 1 == len(requests(BAR_DATASETS["stocks/bars_1d"], SESSIONS))


def test_the_whole_market_is_asked_day_by_day():
    """Grouped daily answers for one date."""
    drafts = list(fetch_drafts(BAR_DATASETS["stocks/bars_1d"], {ALL_SYMBOLS: tuple(SESSIONS[:3])}, "lake"))

    assert [(day, day) for day in SESSIONS[:3]] == [(d.partition.dates.start, d.partition.dates.end) for d in drafts]


def test_two_tickers_that_differ_in_case_are_two_tasks():
    """AAP and AAp: two instruments, two keys, on every file system."""
    one, other = fetch_drafts(MINUTES, dict.fromkeys(("AAP", "AAp"), (SESSIONS[0],)), "lake")

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
