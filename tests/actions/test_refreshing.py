from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from markets import FIRST, LAST, NOON, Held, as_vendor, market, vendors_own
from polars.testing import assert_frame_equal

from forebay.errors import LakeError
from forebay.lake.actions.shape import EVENTS, SPLITS
from forebay.lake.actions.tables import read
from forebay.orchestration.actions.check import find
from forebay.testing import FakeClock

DAY = 86_400
TABLES = ("stocks/bars_1d",)
SIGNED = 'why = "the exchange says so"\nby = "J. Doe, 2025-12-01"\n'


def wrong(kind: str) -> dict:
    """The vendor lists NVDA's split of 20 October so."""
    return {"kind": kind, "ticker": "NVDA", "date": date(2025, 10, 20)}


def override(home: Held, text: str) -> None:
    (home.folder / "lake" / "actions.toml").write_text(text + SIGNED)


def open_findings(home: Held) -> list[tuple[str, str, date]]:
    return [(one.what, one.ticker, one.day) for one in find(home.lake)]


def assert_as_the_vendor(home: Held, ticker: str) -> None:
    expected = vendors_own(home.vendor, ticker, "1d")
    actual = as_vendor(home.lake.bars(ticker, "1d", FIRST, LAST, adjust="splits"))
    assert_frame_equal(expected, actual, rel_tol=1e-9, abs_tol=1e-6)


def test_a_duplicate_split_is_applied_once(tmp_path) -> None:
    """Two rows of one split: one counts, the other is flagged with the id of the first."""
    with market(faults=[wrong("duplicate_split")]) as vendor:
        home = Held(vendor, tmp_path, FakeClock(NOON))
        home.sync(["NVDA"], *TABLES)
        assert 1 == home.refresh().doubted
        assert_as_the_vendor(home, "NVDA")
        assert [("doubted", "NVDA", date(2025, 10, 20))] == open_findings(home)
        second = next(one.id for one in find(home.lake))
        override(home, f'[[split]]\ndo = "drop"\nticker = "NVDA"\ndate = 2025-10-20\nid = "{second}"\n')
        assert [] == open_findings(home)
        assert_as_the_vendor(home, "NVDA")


@pytest.mark.parametrize("do", ["replace", "add"])
def test_an_inverted_split_waits_for_a_person(tmp_path, do: str) -> None:
    """10:1 where prices fell to a tenth is not applied; what the user says instead gives the vendor's true bars."""
    with market(faults=[wrong("inverted_split")]) as vendor:
        home = Held(vendor, tmp_path, FakeClock(NOON))
        home.sync(["NVDA"], *TABLES)
        home.refresh()
        assert {1.0} == set(home.lake.bars("NVDA", "1d", adjust="splits").collect()["split_factor"])
        assert ["inverted? the price went"] == [one.why[:24] for one in find(home.lake)]
        override(home, f'[[split]]\ndo = "{do}"\nticker = "NVDA"\ndate = 2025-10-20\nfrom = 1\nto = 10\n')
        assert_as_the_vendor(home, "NVDA")


def test_a_missing_split_is_suspected_and_can_be_added(tmp_path) -> None:
    """The price went to a tenth overnight and no row says why: `check` shows the night, and an entry settles it."""
    with market(faults=[wrong("missing_split")]) as vendor:
        home = Held(vendor, tmp_path, FakeClock(NOON))
        home.sync(["NVDA", "AAPL"], *TABLES)
        home.refresh()
        assert [("unlisted", "NVDA", date(2025, 10, 20))] == open_findings(home)
        assert "1:10" in find(home.lake)[0].why
        override(home, '[[split]]\ndo = "add"\nticker = "NVDA"\ndate = 2025-10-20\nfrom = 1\nto = 10\n')
        assert [] == open_findings(home)
        assert_as_the_vendor(home, "NVDA")
        override(home, '[[split]]\ndo = "drop"\nticker = "NVDA"\ndate = 2025-10-20\n')
        assert [] == open_findings(home), "a person says that there was no split"


def test_minutes_alone_are_enough_to_judge(tmp_path) -> None:
    """Without day bars the prices around an action come from minute bars: flags and total return as ever."""
    with market(faults=[wrong("inverted_split")]) as vendor:
        home = Held(vendor, tmp_path, FakeClock(NOON))
        home.sync(["NVDA", "XYZ"], "stocks/bars_1m", start=date(2025, 10, 17))
        assert 1 == home.refresh().doubted
        kept = home.lake.bars("XYZ", "1m", adjust="total_return").collect()["dividend_factor"]
        assert 0.99 < kept.min() < 1.0


def test_calls_are_few_and_remembered(home: Held) -> None:
    """Two calls for the lists, one for the names of a ticker with actions, not to be asked for again for a month."""
    home.sync(["NVDA", "MSFT"], *TABLES)
    begun = len(home.vendor.requests)
    home.refresh()
    lists = ["/stocks/v1/splits", "/stocks/v1/dividends"]
    assert [*lists, "/vX/reference/tickers/NVDA/events"] == home.asked(begun)
    asked = [request.query for request in home.vendor.requests[begun : begun + 2]]
    assert all("MSFT%2CNVDA" in query or "MSFT,NVDA" in query for query in asked)
    home.clock.advance(DAY)
    home.refresh()
    assert lists == home.asked(begun + 3)
    home.clock.advance(31 * DAY)
    home.refresh()
    assert [*lists, "/vX/reference/tickers/NVDA/events"] == home.asked(begun + 5)


def test_the_whole_market_is_read_on_from_where_it_was(home: Held) -> None:
    """For many tickers the lists are read once in full, then a month back; in full again after a month."""
    home.sync(["NVDA", "SOUR"], *TABLES)
    assert FIRST == home.refresh(narrow=1).since
    home.clock.advance(DAY)
    read_on = home.refresh(narrow=1)
    assert (date(2025, 11, 1), 0) == (read_on.since, read_on.tickers)
    splits = read(home.lake.home, SPLITS)
    assert splits is not None
    assert splits["withdrawn_at"].null_count() == splits.height, "what was not asked for is not withdrawn"
    home.clock.advance(31 * DAY)
    assert FIRST == home.refresh(narrow=1).since


def test_a_ticker_that_was_given_up_leads_to_its_company(home: Held) -> None:
    """Only SQ is held, and the split is listed under XYZ, of which there is not one bar: SQ is adjusted."""
    home.sync(["SQ", "MSFT"], *TABLES)
    home.refresh()
    assert {1.5} == set(home.lake.bars("SQ", "1d", adjust="splits").collect()["split_factor"])
    names = read(home.lake.home, EVENTS)
    assert names is not None
    expected = [("SQ", date(2003, 9, 10), date(2025, 11, 2)), ("XYZ", date(2025, 11, 3), None)]
    assert expected == names.select("ticker", "first_date", "last_date").rows()


def test_names_are_asked_for_within_a_limit(home: Held) -> None:
    """A refresh asks for so many names and says how many are left; the next one goes on."""
    home.sync(["NVDA", "SOUR", "AAPL"], *TABLES)
    assert 1 == home.refresh(names_at_most=2).names_left
    assert 0 == home.refresh(names_at_most=2).names_left


def test_a_lake_without_stocks_has_nothing_to_refresh(home: Held) -> None:
    """The vendor is not asked, and the next step is named."""
    with pytest.raises(LakeError, match="no bars of stocks") as caught:
        home.refresh()
    assert "forebay sync" in caught.value.remedy
    assert [] == home.asked()


def test_a_dividend_on_a_splits_day_is_valued_in_new_shares(home: Held) -> None:
    """The cash is for a share of the ex-date: the close before is divided by the split of that morning."""
    home.sync(["NVDA"], *TABLES)
    home.refresh()
    closes = home.lake.bars("NVDA", "1d", "2025-10-17", "2025-10-17").collect()["close"]
    from forebay.lake.actions.names import Names
    from forebay.lake.actions.proving import flagged_dividends
    from forebay.lake.actions.shape import DIVIDENDS

    row = {"id": "x", "ticker": "NVDA", "ex_dividend_date": date(2025, 10, 20), "cash_amount": 0.05, "currency": "USD"}
    rows, splits = pl.DataFrame([row], schema=DIVIDENDS.columns), read(home.lake.home, SPLITS)
    assert splits is not None
    days = home.lake.bars("NVDA", "1d").select("ticker", "session_date", "open", "close")
    found = flagged_dividends(rows, pl.lit(value=True), Names(()), lambda *_: iter([days]), splits)
    assert [closes[0] / 10] == found["previous_close"].to_list()
