"""How far each table is behind what is published."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from forebay.ledger import Ledger
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import Feed
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.orchestration.behind import Behind, behind
from forebay.testing import FakeClock

DAYS, COINS = LAKE_DATASETS["stocks/bars_1d"], LAKE_DATASETS["crypto/bars_1d"]
FRIDAY, MONDAY = date(2026, 3, 6), date(2026, 3, 9)
MONDAY_NOON = datetime(2026, 3, 9, 17, tzinfo=UTC)
"""In New York, where Friday's file is published and Monday's is not."""


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", FakeClock(MONDAY_NOON)) as opened:
        yield opened


def _hold(ledger, dataset, last, destination="lake"):
    held = Partition(dataset.table, ALL_SYMBOLS, Interval(date(2026, 3, 2), last))
    row = Coverage(held, destination, Source.FLATFILE, Verdict.COMPLETE, Evidence(rows=1), MONDAY_NOON)
    ledger.coverage.record([row])


def _found(ledger, *feeds):
    return [
        (each.table, each.destination, each.published, each.sessions) for each in behind(ledger, feeds, MONDAY_NOON)
    ]


def test_what_is_published_and_held_is_fresh(ledger):
    """On Monday at noon Friday's stocks are the newest there are; a weekend counts no session."""
    _hold(ledger, DAYS, FRIDAY)
    [found] = behind(ledger, [Feed("all", (DAYS,))], MONDAY_NOON)
    assert Behind("stocks/bars_1d", "lake", FRIDAY, FRIDAY, 0) == found


def test_each_session_that_lacks_counts_by_its_own_calendar(ledger):
    """Of stocks a Friday; of crypto the days of the weekend, too."""
    for dataset in (DAYS, COINS):
        _hold(ledger, dataset, date(2026, 3, 5))
    assert [("crypto/bars_1d", "lake", date(2026, 3, 8), 3), ("stocks/bars_1d", "lake", FRIDAY, 1)] == _found(
        ledger, Feed("all", (DAYS, COINS))
    )


def test_what_the_vendor_lists_early_is_published(ledger):
    """Its listing goes before the hour at which a file is normally there."""
    _hold(ledger, DAYS, FRIDAY)
    ledger.listings.remember(DAYS.name, {MONDAY: Revision("e", 1, MONDAY_NOON)})
    assert [("stocks/bars_1d", "lake", MONDAY, 1)] == _found(ledger, Feed("all", (DAYS,)))


def test_nothing_is_stale_that_nobody_wants(ledger):
    """A feed that ended long ago is held to its end; one that has not begun is not looked at; no feed, no figure."""
    _hold(ledger, DAYS, FRIDAY)
    assert [] == _found(ledger)
    assert [("stocks/bars_1d", "lake", date(2026, 3, 4), 0)] == _found(
        ledger, Feed("past", (DAYS,), end=date(2026, 3, 4)), Feed("to come", (DAYS,), start=MONDAY)
    )


def test_what_was_never_held_has_no_age(ledger):
    """The archive has nothing yet, the lake has: each for itself."""
    _hold(ledger, DAYS, FRIDAY)
    archive, lake = behind(ledger, [Feed("both", (DAYS,), destinations=("archive", "lake"))], MONDAY_NOON)
    assert (None, None) == (archive.held, archive.age)
    assert archive.sessions > 5000
    assert 0 == lake.sessions


def test_sessions_before_any_feed_begins_are_not_wanted(ledger):
    """Two days that were asked for lack two sessions, not those since the dataset began; the earliest start counts."""
    wednesday, thursday = date(2026, 3, 4), date(2026, 3, 5)
    some = Feed("some", (DAYS,), start=wednesday, end=thursday)
    assert [("stocks/bars_1d", "lake", thursday, 2)] == _found(ledger, some)
    both = [Feed("late", (DAYS,), start=FRIDAY, end=FRIDAY), some, Feed("early", (DAYS,), start=wednesday)]
    assert [("stocks/bars_1d", "lake", FRIDAY, 3)] == _found(ledger, *both)
    _hold(ledger, DAYS, date(2026, 3, 3))
    assert [("stocks/bars_1d", "lake", FRIDAY, 1)] == _found(ledger, both[0])
