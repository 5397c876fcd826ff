"""wanted - covered = gaps -> tasks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from forebay.errors import UsageError
from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import Feed, SourceChoice
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.orchestration.plan import Rates
from forebay.orchestration.planner import Planner
from forebay.orchestration.sources import Means
from forebay.orchestration.wanted import Reach, spell_out

MINUTES = BAR_DATASETS["stocks/bars_1m"]
DAYS = BAR_DATASETS["stocks/bars_1d"]
MARCH = Interval(date(2026, 3, 2), date(2026, 3, 13))
FEED = Feed("stocks", (MINUTES,), start=MARCH.start, end=MARCH.end)


def revision(etag="one", size=27_000_000):
    return Revision(etag, size, datetime(2026, 3, 14, tzinfo=UTC))


def planner(ledger, clock, **means):
    known = {"flatfiles": True, "rest": True, "hybrid_boundary": timedelta(days=30), "rates": Rates(5), **means}
    return Planner(ledger, Means(today=clock.now().date(), **known), clock.now())


def wishes(*feeds, now):
    return spell_out(feeds, now, lambda feed, dataset: Reach(dataset.first_date))


def list_upstream(ledger, dataset, days, listed=None):
    ledger.listings.remember(dataset.name, dict.fromkeys(days, listed or revision()))


def cover(ledger, clock, day, *, table="stocks/bars_1m", symbol=ALL_SYMBOLS, source=Source.FLATFILE, **changes):
    known = {"verdict": Verdict.COMPLETE, "evidence": Evidence(rows=1, revision=revision()), **changes}
    partition = Partition(table, symbol, Interval(day, changes.pop("until", day)))
    known.pop("until", None)
    ledger.coverage.record([Coverage(partition, "lake", source, checked_at=clock.now(), **known)])


def test_every_listed_session_of_the_whole_market_is_one_file(ledger, clock):
    """Ten sessions in two weeks of March: ten files, the newest first in line."""
    list_upstream(ledger, MINUTES, session_days("XNYS", MARCH.start, MARCH.end))

    plan = planner(ledger, clock).plan(wishes(FEED, now=clock.now()))

    by_priority = sorted(plan.drafts, key=lambda draft: -draft.priority)
    assert 10 == len(plan.drafts)
    assert MINUTES.key(date(2026, 3, 13)) == by_priority[0].key
    assert 270_000_000 == plan.lines[0].bytes


def test_a_hole_in_the_middle_is_planned_and_what_is_held_is_not(ledger, clock):
    """Interval algebra, not "everything after the last day"."""
    days = session_days("XNYS", MARCH.start, MARCH.end)
    list_upstream(ledger, MINUTES, days)
    for day in days:
        if day != date(2026, 3, 6):
            cover(ledger, clock, day)

    plan = planner(ledger, clock).plan(wishes(FEED, now=clock.now()))

    assert [MINUTES.key(date(2026, 3, 6))] == [draft.key for draft in plan.drafts]


def test_nothing_is_planned_when_all_is_held(ledger, clock):
    """The second run has nothing to do."""
    days = session_days("XNYS", MARCH.start, MARCH.end)
    list_upstream(ledger, MINUTES, days)
    for day in days:
        cover(ledger, clock, day)

    assert [] == planner(ledger, clock).plan(wishes(FEED, now=clock.now())).drafts


def test_a_republished_file_is_taken_again(ledger, clock):
    """A held day whose listed revision is another is stale."""
    days = session_days("XNYS", MARCH.start, MARCH.end)
    list_upstream(ledger, MINUTES, days)
    for day in days:
        cover(ledger, clock, day)
    list_upstream(ledger, MINUTES, [days[3]], revision("two"))

    plan = planner(ledger, clock).plan(wishes(FEED, now=clock.now()))

    assert [(MINUTES.key(days[3]), revision("two"))] == [(draft.key, draft.revision) for draft in plan.drafts]
    assert ["re-published by the vendor"] == [line.why for line in plan.lines]


def test_a_republished_file_is_taken_again_for_a_feed_that_now_prefers_rest(ledger, clock):
    """What a flat file owns, only a flat file can renew."""
    day = date(2026, 3, 13)
    list_upstream(ledger, MINUTES, [day])
    cover(ledger, clock, day)
    list_upstream(ledger, MINUTES, [day], revision("two"))
    feed = replace(FEED, symbols=("AAPL",), start=day, end=day)

    plan = planner(ledger, clock, rates=Rates(0)).plan(wishes(feed, now=clock.now()))

    assert [Source.FLATFILE] == [draft.source for draft in plan.drafts]


def test_a_file_that_failed_its_checks_waits_for_another_revision(ledger, clock):
    """The same bytes would fail again."""
    day = date(2026, 3, 13)
    feed = replace(FEED, start=day)
    list_upstream(ledger, MINUTES, [day])
    cover(ledger, clock, day, verdict=Verdict.SUSPECT)

    assert [] == planner(ledger, clock).plan(wishes(feed, now=clock.now())).drafts

    list_upstream(ledger, MINUTES, [day], revision("two"))

    assert 1 == len(planner(ledger, clock).plan(wishes(feed, now=clock.now())).drafts)


@pytest.mark.parametrize(
    ("day", "verdict"),
    [(date(2026, 3, 19), Verdict.PENDING_UPSTREAM), (date(2026, 3, 4), Verdict.MISSING_UPSTREAM)],
)
def test_a_file_that_is_not_listed_is_pending_first_and_missing_later(ledger, clock, day, verdict):
    """Late is normal; a week after its hour it is missing. Either is a finding with its reason, not an error."""
    plan = planner(ledger, clock).plan(wishes(replace(FEED, start=day, end=day), now=clock.now()))

    assert [] == plan.drafts
    assert [verdict] == [found.verdict for found in plan.findings]
    assert MINUTES.key(day) in plan.findings[0].evidence.reason


def test_few_symbols_over_years_cost_less_by_rest_and_the_plan_says_so(ledger, clock):
    """A gigabyte of files for one ticker, or a few calls: the reason is in the plan."""
    days = session_days("XNYS", date(2025, 1, 2), date(2025, 12, 31))
    list_upstream(ledger, MINUTES, days)
    feed = Feed("one", (MINUTES,), ("AAPL",), days[0], days[-1])

    plan = planner(ledger, clock, rates=Rates(0)).plan(wishes(feed, now=clock.now()))

    assert [Source.REST] == [line.source for line in plan.lines]
    assert (1, 5) == (plan.lines[0].fewest_calls, plan.lines[0].calls)
    assert "REST costs less" in plan.lines[0].why


def test_many_symbols_at_five_calls_a_minute_come_from_files_even_recent_ones(ledger, clock):
    """Inside the boundary REST is the default, unless files are cheaper."""
    days = session_days("XNYS", date(2026, 3, 2), date(2026, 3, 13))
    list_upstream(ledger, MINUTES, days)
    feed = Feed("many", (MINUTES,), tuple(f"T{number}" for number in range(200)), days[0], days[-1])

    plan = planner(ledger, clock).plan(wishes(feed, now=clock.now()))

    assert [(Source.FLATFILE, 10)] == [(line.source, line.tasks) for line in plan.lines]
    assert "flat files cost less" in plan.lines[0].why


def test_the_boundary_decides_where_costs_do_not(ledger, clock):
    """Without a difference in cost: files beyond thirty days, REST within."""
    days = session_days("XNYS", date(2026, 1, 2), date(2026, 3, 19))
    list_upstream(ledger, DAYS, days, revision(size=0))
    free = Rates(0, seconds_per_call=0, seconds_per_file=0)
    feed = Feed("days", (DAYS,), ("AAPL",), days[0], days[-1])

    plan = planner(ledger, clock, rates=free).plan(wishes(feed, now=clock.now()))

    boundary = clock.now().date() - timedelta(days=30)
    assert {"older than 30 days: flat files", "within the last 30 days: REST"} == {line.why for line in plan.lines}
    assert all(draft.partition.day < boundary for draft in plan.drafts if draft.source is Source.FLATFILE)


def test_rest_and_flat_files_both_satisfy_a_feed(ledger, clock):
    """A symbol's days are held if either source brought them."""
    days = session_days("XNYS", MARCH.start, MARCH.end)
    list_upstream(ledger, MINUTES, days)
    cover(ledger, clock, days[0], symbol="AAPL", source=Source.REST, until=days[4])
    for day in days[5:]:
        cover(ledger, clock, day)
    feed = replace(FEED, symbols=("AAPL",))

    assert [] == planner(ledger, clock).plan(wishes(feed, now=clock.now())).drafts


def test_a_final_day_held_only_by_the_stream_is_a_gap(ledger, clock):
    """What the stream brought is provisional."""
    day = date(2026, 3, 13)
    list_upstream(ledger, MINUTES, [day])
    cover(ledger, clock, day, source=Source.STREAM)

    assert 1 == len(planner(ledger, clock).plan(wishes(replace(FEED, start=day), now=clock.now())).drafts)


def test_two_feeds_that_want_one_file_share_its_task(ledger, clock):
    """Fetched once."""
    list_upstream(ledger, MINUTES, session_days("XNYS", MARCH.start, MARCH.end))

    plan = planner(ledger, clock).plan(wishes(FEED, replace(FEED, name="again"), now=clock.now()))

    assert 10 == len(plan.drafts)


def test_a_session_that_has_not_ended_is_not_wanted(ledger, clock):
    """Friday's session is running: Thursday is the last day asked for."""
    wish = wishes(Feed("now", (MINUTES,), start=date(2026, 3, 18)), now=clock.now())[0]

    assert (date(2026, 3, 18), date(2026, 3, 19)) == wish.days


@pytest.mark.parametrize(
    ("feed", "means", "words"),
    [
        (replace(FEED, source=SourceChoice.FLATFILES), {"flatfiles": False}, "POLYGON_S3_ACCESS_KEY_ID"),
        (replace(FEED, symbols=("AAPL",)), {"flatfiles": False, "rest": False}, "POLYGON_API_KEY"),
        (FEED, {"flatfiles": False}, "name the symbols"),
    ],
)
def test_a_gap_without_a_possible_source_is_refused_with_the_missing_setting(ledger, clock, feed, means, words):
    """The error names what to set or to change."""
    with pytest.raises(UsageError) as refused:
        planner(ledger, clock, **means).plan(wishes(feed, now=clock.now()))

    assert words in f"{refused.value} {refused.value.remedy}"


def test_a_start_in_the_future_and_a_symbol_of_another_class_are_refused(clock):
    """Neither could ever be held."""
    with pytest.raises(UsageError, match="in the future"):
        wishes(replace(FEED, start=date(2027, 1, 4), end=None), now=clock.now())
    with pytest.raises(UsageError, match="asset class crypto"):
        wishes(replace(FEED, symbols=("X:BTCUSD",)), now=clock.now())
