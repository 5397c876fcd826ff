"""What REST cannot bring (trades, quotes, values, futures) is planned from flat files, or said to be out of reach."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from forebay.errors import UsageError
from forebay.model.catalogue import DATASETS, LAKE_DATASETS
from forebay.model.feed import Feed, SourceChoice
from forebay.model.instrument import PREFIX_OF
from forebay.model.partition import ALL_SYMBOLS, Revision, Source
from forebay.orchestration.entitlement import Entitlements
from forebay.orchestration.plan import Rates
from forebay.orchestration.planner import Planner
from forebay.orchestration.sources import Means
from forebay.orchestration.wanted import Reach, Wish, of_ticker, spell_out

FILES_ALONE = sorted(table for table, dataset in LAKE_DATASETS.items() if not dataset.by_rest)
DAY = date(2026, 3, 12)


def feed(table: str, *symbols: str, **changes: object) -> Feed:
    return Feed("ticks", (LAKE_DATASETS[table],), symbols or None, DAY, DAY, **changes)


def wishes(wanted: Feed, clock) -> list[Wish]:
    return spell_out([wanted], clock.now(), lambda _, dataset: Reach(dataset.first_date))


def planner(ledger, clock, *, flatfiles=True) -> Planner:
    """With a key for REST, and a boundary inside which REST would be preferred."""
    means = Means(flatfiles, rest=True, today=clock.now().date(), hybrid_boundary=timedelta(days=30), rates=Rates(0))
    return Planner(ledger, means, clock.now())


def test_only_bars_come_by_rest():
    """Day and minute bars of five classes do; every other dataset is one of files alone."""
    assert len(DATASETS) - 10 == len(FILES_ALONE)
    assert {"stocks/trades", "options/quotes", "indices/values", "futures_cme/bars_1d"} < set(FILES_ALONE)


@pytest.mark.parametrize("named", [False, True])
def test_a_day_is_one_file_however_it_is_asked_for(ledger, clock, named):
    """Of the whole market or of one ticker, recent or not: the day's file, never a call."""
    for table in FILES_ALONE:
        dataset = LAKE_DATASETS[table]
        prefix = PREFIX_OF.get(dataset.asset_class, "")
        ledger.listings.remember(dataset.name, {DAY: Revision("one", 1_000, datetime(2026, 3, 13, tzinfo=UTC))})

        plan = planner(ledger, clock).plan(wishes(feed(table, *[prefix + "ESH6"] * named), clock))

        (draft,) = plan.drafts
        assert (dataset.key(DAY), ALL_SYMBOLS, Source.FLATFILE) == (draft.key, draft.partition.symbol, draft.source)
        assert ["it comes as flat files alone"] == [line.why for line in plan.lines]
        assert {} == plan.one_by_one


def test_without_keys_for_files_the_remedy_names_them(ledger, clock):
    """An API key alone brings no trades, neither in a plan nor when the vendor is asked what the plan serves."""
    wanted = feed("stocks/trades")
    with pytest.raises(UsageError, match="needs flat files for us_stocks_sip/trades_v1") as refused:
        planner(ledger, clock, flatfiles=False).plan(wishes(wanted, clock))
    assert "POLYGON_S3_ACCESS_KEY_ID" in refused.value.remedy
    with pytest.raises(UsageError, match="no key for it is set") as refused:
        Entitlements(ledger, None, None, clock.now()).reach(wanted, wanted.datasets[0])
    assert "POLYGON_S3_ACCESS_KEY_ID" in refused.value.remedy
    assert "POLYGON_API_KEY" not in refused.value.remedy


@pytest.mark.parametrize("table", ["stocks/quotes", "futures_comex/bars_1m"])
def test_asked_by_rest_they_are_refused(clock, table):
    """A feed that wants them by REST can never be filled, and is told so before anything is asked."""
    with pytest.raises(UsageError, match="by REST, which brings day and minute bars") as refused:
        wishes(feed(table, "ESH6", source=SourceChoice.REST), clock)
    assert "leave its source open" in refused.value.remedy


def test_a_ticker_without_a_prefix_may_be_a_future(clock):
    """In a feed of futures it is one; of a feed of both, both are asked; an option is neither."""
    futures = feed("futures_cme/trades", "ESH6")
    both = replace(futures, datasets=(*futures.datasets, LAKE_DATASETS["stocks/trades"]))

    assert [("ESH6",)] == [wish.symbols for wish in wishes(futures, clock)]
    assert [("ESH6",), ("ESH6",)] == [wish.symbols for wish in wishes(both, clock)]
    assert [("ESH6",)] == [wish.symbols for wish in of_ticker(wishes(futures, clock), "ESH6")]
    with pytest.raises(UsageError, match="O:A is of asset class options"):
        wishes(feed("futures_cme/trades", "O:A"), clock)
