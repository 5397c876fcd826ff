"""What goes into a chart: its dates and sizes, what lacks and why, whose the sessions are, and how a person is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from forebay.app import App, new_worker_id
from forebay.app.gaps import gap_scan
from forebay.app.symbol_chart import ChartShown
from forebay.ledger.provenance import Provenance
from forebay.model.calendar import session_days
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source
from forebay.model.task import Retry, TaskDraft, TaskKind
from forebay.orchestration.chart_holes import Hole, HoleKind, Holes
from forebay.orchestration.chart_range import MOST, RANGES, Sizes, dates_of
from forebay.orchestration.minutes_scan import GapScope
from forebay.orchestration.source_history import history
from forebay.service.dashboard.symbol_view import series_of
from forebay.settings import load
from forebay.testing import FakeClock

DAYS, MINUTES = LAKE_DATASETS["stocks/bars_1d"], LAKE_DATASETS["stocks/bars_1m"]
HELD = Interval(date(2003, 9, 10), date(2026, 3, 6))
MONDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 6)
NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize("word", RANGES)
def test_a_range_is_shown_in_few_bars(word):
    """Every range, of every class, has a size in which there are at most 400 bars, and usually more than twenty."""
    for table in ("stocks/bars_1d", "crypto/bars_1d", "forex/bars_1d", "futures_cme/bars_1d"):
        dataset = LAKE_DATASETS[table]
        dates = dates_of(word, FRIDAY, HELD, dataset.calendar)
        sizes = Sizes(dataset, dates, regular=True)
        usual = sizes.usual(sizes.fit(minutes=True, days=True))
        assert 20 < sizes.bars(usual, sizes.sessions) <= MOST


def test_ranges_are_cut_to_what_is_held():
    """A range begins no earlier than the first bar; days are counted in sessions."""
    assert Interval(FRIDAY, FRIDAY) == dates_of("1D", FRIDAY, HELD, "XNYS")
    assert Interval(MONDAY, FRIDAY) == dates_of("5D", FRIDAY, HELD, "XNYS")
    assert Interval(MONDAY, FRIDAY) == dates_of("1Y", FRIDAY, Interval(MONDAY, FRIDAY), "XNYS")


def test_sizes_are_made_of_what_is_held():
    """Without minute bars there are none of minutes, without day bars none of days; the largest is always there."""
    sizes = Sizes(DAYS, HELD, regular=True)
    assert ("1M", "1q") == sizes.fit(minutes=True, days=True)
    assert ("4h",) == sizes.fit(minutes=True, days=False)
    assert ("1d", "1w", "1M", "1q") == Sizes(DAYS, Interval(MONDAY, FRIDAY), regular=True).fit(minutes=False, days=True)


@pytest.fixture
def app(tmp_path):
    app = App(load(environ={"FOREBAY_HOME": str(tmp_path)}), FakeClock(NOW), new_worker_id())
    yield app
    app.close()


def known(verdict, day, symbol="AAPL", reason="", source=Source.REST):
    dates = Interval(day, day)
    return Coverage(Partition(DAYS.table, symbol, dates), "lake", source, verdict, Evidence(reason=reason), NOW)


def lacking(app, *held):
    scope = GapScope(AssetClass.STOCKS, ("AAPL",), Interval(MONDAY, FRIDAY))
    return Holes(app.ledger, gap_scan(app)).of_days(scope, set(held))


def test_what_lacks_is_told_with_its_reason(app):
    """Sessions that lack for one reason are one hole; what is known to be empty, or held, is none."""
    tuesday, wednesday, thursday = (MONDAY + timedelta(days=each) for each in (1, 2, 3))
    app.ledger.coverage.record(
        [
            known(Verdict.COMPLETE, MONDAY),
            known(Verdict.KNOWN_EMPTY, tuesday),
            known(Verdict.SUSPECT, wednesday, reason="low > high in 3 rows"),
            known(Verdict.PENDING_UPSTREAM, FRIDAY, "*", "not listed yet", Source.FLATFILE),
        ]
    )
    found = lacking(app, MONDAY, wednesday)
    assert [
        (wednesday, HoleKind.SUSPECT, "low > high in 3 rows"),
        (thursday, HoleKind.GAP, "nothing of it was ever fetched"),
        (FRIDAY, HoleKind.PENDING, "not listed yet"),
    ] == [(hole.dates.start, hole.kind, hole.why) for hole in found]
    assert [HoleKind.GAP, HoleKind.GAP, HoleKind.PENDING] == [hole.kind for hole in lacking(app, MONDAY)]


def test_what_lacks_says_when_it_is_tried_again(app):
    """A hole that a failed task is about has its error and the time of its next attempt."""
    draft = TaskDraft(
        TaskKind.FETCH,
        "rest/x",
        "rest/bars/1d",
        Partition(DAYS.table, "AAPL", Interval(MONDAY, FRIDAY)),
        "lake",
        Source.REST,
    )
    app.ledger.tasks.add([draft])
    app.ledger.tasks.finish(app.ledger.tasks.claim("worker"), Retry("http_500", "the vendor answered 500", after=90))
    (hole,) = lacking(app)
    assert ("the vendor answered 500", NOW + timedelta(seconds=90), 5) == (hole.why, hole.next_try, len(hole.days))


def test_sources_follow_each_other(app):
    """Rows without a session between them are one stretch; what a better source brought since is not its own."""
    day, friday = timedelta(days=1), date(2026, 2, 27)
    files = [friday, MONDAY, MONDAY + 2 * day]
    app.ledger.coverage.record([known(Verdict.COMPLETE, each, "*", source=Source.FLATFILE) for each in files])
    by_rest = Partition(DAYS.table, "AAPL", Interval(MONDAY, FRIDAY))
    app.ledger.coverage.record([Coverage(by_rest, "lake", Source.REST, Verdict.COMPLETE, Evidence(rows=5), NOW)])
    found = history(Provenance(app.ledger.database, "lake", NOW), "AAPL", {DAYS.table: Interval(friday, FRIDAY)})
    assert [
        (Source.REST, MONDAY, FRIDAY, 5, 3, 5),
        (Source.FLATFILE, MONDAY + 2 * day, MONDAY + 2 * day, 1, 1, None),
        (Source.FLATFILE, friday, MONDAY, 2, 2, None),
    ] == [(each.source, each.dates.start, each.dates.end, each.sessions, each.owned, each.rows) for each in found]


def test_the_history_of_decades_is_read_by_the_month(app):
    """What the whole market's files brought is one stretch from the first session that the ticker had to its last."""
    days = session_days("XNYS", date(2024, 1, 2), date(2025, 12, 31))
    app.ledger.coverage.record([known(Verdict.COMPLETE, each, "*", source=Source.FLATFILE) for each in days])
    spans = {DAYS.table: Interval(date(2024, 5, 15), date(2025, 7, 2))}
    (one,) = history(Provenance(app.ledger.database, "lake", NOW), "AAPL", spans)
    assert (spans[DAYS.table], one.sessions) == (one.dates, one.owned)
    assert len(session_days("XNYS", one.dates.start, one.dates.end)) == one.sessions


def shown(size, starts, holes, dataset=DAYS):
    rows = pl.DataFrame(
        {
            "window_start": starts,
            "session_date": [start.date() for start in starts],
            **dict.fromkeys(("open", "high", "low", "close", "volume"), [1.0] * len(starts)),
        },
        schema_overrides={"window_start": pl.Datetime("us", "UTC")},
    )
    return ChartShown("stocks", {}, dataset=dataset, size=size, rows=rows, holes=tuple(holes))


def hole(*days, **more):
    return Hole(DAYS.table, Interval(days[0], days[-1]), days, HoleKind.GAP, "because", **more)


def test_a_week_in_part_is_hatched_over_its_bar():
    """Of a week that lacks a day the bar is there, and the band lies over it; a week without any has a band beside."""
    sundays = [datetime(2026, 3, day, 5, tzinfo=UTC) for day in (1, 15)]
    wednesday, next_week = date(2026, 3, 4), [date(2026, 3, day) for day in range(9, 14)]
    holes = [hole(wednesday), hole(*next_week)]
    part, whole = series_of(shown("1w", sundays, holes), regular=True).bands
    assert (datetime(2026, 3, 1, 5, tzinfo=UTC), 1) == (part.start, part.bars)
    assert (date(2026, 3, 9), 1) == (whole.start.date(), whole.bars)


def test_minutes_that_lack_have_room_of_their_own():
    """Ten minutes that lack of a session are two slots of five minutes, beside the bars that are held in them."""
    opens = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    starts = [opens + timedelta(minutes=each) for each in (0, 5, 30)]
    lacks = {"first": opens + timedelta(minutes=5), "after": opens + timedelta(minutes=30), "lacks": 10}
    (band,) = series_of(shown("5m", starts, [hole(MONDAY, **lacks)], MINUTES), regular=True).bands
    assert (3, "2026-03-02: about 10 minutes not held: because") == (band.bars, band.title)


def test_the_exchange_tells_the_time():
    """Bars of minutes bear the exchange's own time, before and behind the change of clocks."""
    starts = [datetime(2026, 3, 6, 14, 30, tzinfo=UTC), datetime(2026, 3, 9, 13, 30, tzinfo=UTC)]
    labels = [each.label for each in series_of(shown("1m", starts, [], MINUTES), regular=True).candles]
    assert ["Fri 2026-03-06 09:30", "Mon 2026-03-09 09:30"] == labels
