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
from forebay.model.universe import Lifetime
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


def lifetimes(**known):
    return lambda tickers: {ticker: life for ticker, life in known.items() if ticker in tickers}


def rest_planner(ledger, clock, find=None, **means):
    made = planner(ledger, clock, flatfiles=False, **means)
    return made if find is None else replace(made, find_lifetimes=find)


def test_nothing_is_asked_for_before_a_listing_or_after_a_delisting(ledger, clock):
    """Days on which nobody traded it are wanted of nobody: by plan and status alike."""
    days = session_days("XNYS", MARCH.start, MARCH.end)
    feed = replace(FEED, symbols=("OLD", "NEW", "WHO"))
    known = lifetimes(OLD=Lifetime(delisted=days[2]), NEW=Lifetime(listed=days[5]), GONE=Lifetime())
    made = rest_planner(ledger, clock, known)

    gaps = made.gaps(wishes(feed, now=clock.now())[0])

    assert {"OLD": tuple(days[:2]), "NEW": tuple(days[5:]), "WHO": tuple(days)} == gaps
    asked = {draft.partition.symbol: draft.partition.dates for draft in made.plan(wishes(feed, now=clock.now())).drafts}
    assert Interval(days[0], days[1]) == asked["OLD"]
    assert Interval(days[5], days[-1]) == asked["NEW"]


def test_an_option_is_wanted_until_it_expires(ledger, clock):
    """Its last day is in its name, and no universe need know it."""
    minutes = BAR_DATASETS["options/bars_1m"]
    feed = Feed("options", (minutes,), ("O:SPY260306C00650000",), MARCH.start, MARCH.end)

    gaps = rest_planner(ledger, clock).gaps(wishes(feed, now=clock.now())[0])

    assert date(2026, 3, 6) == gaps["O:SPY260306C00650000"][-1]


def test_what_covers_the_whole_market_does_not_cover_otc_tickers(ledger, clock):
    """Files and grouped answers leave them out: their days are a gap still, and come by REST alone."""
    days = session_days("XNYS", MARCH.start, MARCH.end)
    list_upstream(ledger, MINUTES, days)
    for day in days:
        cover(ledger, clock, day)
    known = lifetimes(OTCX=Lifetime(otc=True), AAPL=Lifetime())
    made = replace(planner(ledger, clock), find_lifetimes=known)

    plan = made.plan(wishes(replace(FEED, symbols=("AAPL", "OTCX")), now=clock.now()))

    assert [("OTCX", Source.REST)] == [(draft.partition.symbol, draft.source) for draft in plan.drafts]
    assert "OTC tickers are in no file" == plan.lines[0].why


def test_an_otc_ticker_that_only_files_could_bring_is_said_to_be_missing(ledger, clock):
    """It is asked of no file again and again; the finding says why."""
    list_upstream(ledger, MINUTES, session_days("XNYS", MARCH.start, MARCH.end))
    feed = replace(FEED, symbols=("OTCX",), source=SourceChoice.FLATFILES)
    made = replace(planner(ledger, clock), find_lifetimes=lifetimes(OTCX=Lifetime(otc=True)))

    plan = made.plan(wishes(feed, now=clock.now()))

    assert [] == plan.drafts
    assert [Verdict.MISSING_UPSTREAM] == [found.verdict for found in plan.findings]
    assert "over the counter" in plan.findings[0].evidence.reason


def test_what_a_queued_task_will_bring_is_not_asked_for_by_another(ledger, clock):
    """Half of a range is held when its worker dies: the same task goes on, whatever range is left."""
    days = session_days("XNYS", MARCH.start, MARCH.end)
    feed = replace(FEED, symbols=("AAPL",))
    made = rest_planner(ledger, clock)
    first = made.plan(wishes(feed, now=clock.now())).drafts
    ledger.tasks.add(first)
    cover(ledger, clock, days[0], symbol="AAPL", source=Source.REST, until=days[4])

    again = made.plan(wishes(feed, now=clock.now()))
    wider = made.plan(wishes(replace(feed, end=date(2026, 3, 17)), now=clock.now()))

    assert [draft.key for draft in first] == [draft.key for draft in again.drafts]
    assert ["queued already"] == [line.why for line in again.lines]
    assert [first[0].partition.dates, Interval(date(2026, 3, 16), date(2026, 3, 17))] == [
        draft.partition.dates for draft in wider.drafts
    ]


def test_days_that_come_by_rest_for_two_reasons_are_one_request(ledger, clock):
    """Older days cheaper by REST, younger ones near, newest not published: one ticker, one call."""
    days = session_days("XNYS", date(2025, 6, 2), date(2026, 3, 18))
    list_upstream(ledger, MINUTES, days)
    feed = Feed("one", (MINUTES,), ("AAPL",), days[0], date(2026, 3, 19))

    plan = planner(ledger, clock, rates=Rates(0)).plan(wishes(feed, now=clock.now()))

    assert [Interval(days[0], date(2026, 3, 19))] == [draft.partition.dates for draft in plan.drafts]
    assert "not published as a file" in plan.lines[0].why


def test_tasks_are_made_anew_each_time_and_none_is_kept(ledger, clock):
    """A line can be gone through again and again, and holds no task."""
    feed = replace(FEED, symbols=tuple(f"T{number}" for number in range(50)))
    line = rest_planner(ledger, clock).plan(wishes(feed, now=clock.now())).lines[0]

    assert list(line.drafts) == list(line.drafts)
    assert 50 == line.tasks == len(list(line.drafts))


def test_a_grouped_day_that_failed_a_check_is_asked_for_by_ticker(ledger, clock):
    """A bad row of a ticker that nobody named must not keep a day from all others; it is not taken whole again."""
    days = session_days("XNYS", MARCH.start, MARCH.end)
    feed = Feed("days", (DAYS,), tuple(f"T{number}" for number in range(30)), MARCH.start, MARCH.end)
    for day in days:
        suspect = {"verdict": Verdict.SUSPECT} if day == days[4] else {}
        cover(ledger, clock, day, table="stocks/bars_1d", source=Source.REST, **suspect)
    cover(ledger, clock, days[4], table="stocks/bars_1d", symbol="T3", source=Source.REST, verdict=Verdict.SUSPECT)
    made = rest_planner(ledger, clock)

    plan = made.plan(wishes(feed, now=clock.now()))
    whole = made.plan(wishes(replace(feed, symbols=None), now=clock.now()))

    assert set(feed.symbols) - {"T3"} == {draft.partition.symbol for draft in plan.drafts}
    assert {days[4]} == {draft.partition.day for draft in plan.drafts}
    assert [] == whole.drafts
