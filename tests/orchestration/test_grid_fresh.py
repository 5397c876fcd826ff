"""How long a coverage grid is shown again before it is made anew."""

from __future__ import annotations

from datetime import date

import pytest

from forebay.ledger.grid import GridBook
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE, Feed
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.orchestration.grid.grids import FRESH, KEPT, Grids
from forebay.orchestration.wanted import Reach, spell_out

DAYS = BAR_DATASETS["stocks/bars_1d"]
DAY = date(2026, 3, 3)


@pytest.fixture
def grids(ledger, clock):
    wishes = spell_out([Feed("one", (DAYS,), None, DAY, DAY)], clock.now(), lambda *_: Reach(DAYS.first_date))
    return Grids(GridBook(ledger.database, clock), lambda: (wishes, ()), lambda _: {}, lambda *_: None, clock)


def test_it_is_shown_again_for_a_moment(grids, clock):
    """Whatever others write is seen after a second, what was changed here at once."""
    first = grids.overview(1)
    clock.advance(FRESH.total_seconds() / 2)
    assert first is grids.overview(1)
    assert first is not (second := grids.overview(2))
    clock.advance(FRESH.total_seconds())
    assert second is not grids.overview(2)


def test_it_is_shown_longer_while_nobody_writes(grids, clock):
    """A mark of the ledger that stays the same keeps it for ten seconds; another mark ends that."""
    first = grids.overview(written=("a", 1))
    clock.advance(KEPT.total_seconds() - 1)
    assert first is grids.overview(written=("a", 1))
    assert first is not (second := grids.overview(written=("a", 2)))
    clock.advance(KEPT.total_seconds())
    assert second is not (third := grids.overview(written=("a", 2)))
    clock.advance(FRESH.total_seconds())
    assert third is not grids.overview()


def test_a_table_that_stays_as_it_was_is_not_counted_again(grids, ledger, clock):
    """A grid that is made anew takes over the tables that came to the same; a new row makes a new one."""
    (first,) = grids.overview().tables
    clock.advance(KEPT.total_seconds())
    (same,) = grids.overview().tables
    assert first is same
    where = Partition(DAYS.table, ALL_SYMBOLS, Interval(DAY, DAY))
    ledger.coverage.record([Coverage(where, LAKE, Source.FLATFILE, Verdict.COMPLETE, Evidence(rows=1), clock.now())])
    clock.advance(KEPT.total_seconds())
    (other,) = grids.overview().tables
    assert (0, 1) == (first.months["2026-03"].held, other.months["2026-03"].held)
