"""What is held and what is not: counted, listed, and said together with the command that fetches it."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from lakes import DAY, Basin, bars

from forebay import Lake, NotHeld
from forebay.errors import LakeError
from forebay.model.intervals import Interval
from forebay.model.partition import Source

TABLE = "stocks/bars_1m"
THURSDAY, FRIDAY, MONDAY, TUESDAY = (date(2024, 3, day) for day in (7, 8, 11, 12))
MARCH = ("2024-03-07", "2024-03-12")


@pytest.fixture
def lake(basin: Basin) -> Lake:
    """Two tickers by flat file on Thursday and Tuesday, one of them with one minute; a third one by REST on Friday."""
    basin.flatfile(bars(["A", "B"], [THURSDAY], source=Source.FLATFILE, per_day=3), THURSDAY)
    basin.flatfile(bars(["A"], [TUESDAY], source=Source.FLATFILE, per_day=1), TUESDAY)
    basin.rest(bars("C", [FRIDAY]), "C", THURSDAY, MONDAY)
    return Lake(basin.root)


def test_coverage_counts_each_session_date(lake: Lake) -> None:
    """Rows, tickers, sources and files; dates without rows are not there."""
    expected = [
        (THURSDAY, 6, 2, ["flatfile"], 1),
        (FRIDAY, 2, 1, ["rest"], 1),
        (TUESDAY, 1, 1, ["flatfile"], 1),
    ]
    assert expected == lake.coverage(TABLE).rows()
    assert expected[1:2] == lake.coverage(TABLE, FRIDAY, MONDAY).rows()
    assert [(THURSDAY, 3, 1, ["flatfile"], 1)] == lake.coverage(TABLE, tickers="B").rows()
    assert 0 == lake.coverage(TABLE, tickers="Z").height


def test_a_ticker_has_a_first_and_a_last_session(lake: Lake, basin: Basin) -> None:
    """The dates of a ticker's own rows, not of the files that could have some; a ticker without rows has none."""
    assert Interval(THURSDAY, TUESDAY) == lake.span(TABLE, "A")
    assert (Interval(THURSDAY, THURSDAY), Interval(FRIDAY, FRIDAY)) == (lake.span(TABLE, "B"), lake.span(TABLE, "C"))
    assert lake.span(TABLE, "a") is None
    for day in range(13, 30):
        basin.flatfile(bars(["C"], [date(2024, 3, day)], source=Source.FLATFILE, per_day=1), date(2024, 3, day))
    assert Interval(THURSDAY, TUESDAY) == lake.span(TABLE, "A")


def test_gaps_are_sessions_of_the_calendar(lake: Lake) -> None:
    """A weekend is no gap, and neither is a session with one quiet bar."""
    assert [("A", FRIDAY), ("A", MONDAY)] == lake.gaps("A").rows()
    assert [("B", FRIDAY), ("C", THURSDAY)] == lake.gaps(["C", "B"], "5m", THURSDAY, FRIDAY).rows()
    assert [("*", MONDAY)] == lake.gaps(None, asset_class="stocks").rows()
    assert [("Z", THURSDAY), ("Z", FRIDAY)] == lake.gaps("Z", "1m", THURSDAY, FRIDAY).rows()
    assert [] == lake.gaps("A", "1m", date(2024, 3, 9), date(2024, 3, 10)).rows()


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda lake: lake.bars(["A", "Z"], "5m", *MARCH), "--tickers Z --timeframes 1m --start 2024-03-07 --end 2024"),
        (lambda lake: lake.bars("a"), "no stocks/bars_1m of a from the beginning to the end are held"),
        (lambda lake: lake.bars("B", start=FRIDAY), "forebay sync --tickers B --timeframes 1m --start 2024-03-08$"),
        (
            lambda lake: lake.bars(None, "1m", "2025-01-02", asset_class="stocks"),
            "--datasets stocks/bars_1m --start 2025",
        ),
        (lambda lake: lake.rows(TABLE, "Z"), "of Z from"),
    ],
)
def test_what_is_not_held_is_said(lake: Lake, ask: object, says: str) -> None:
    """The answer comes all the same, with a warning that names the command which fetches the rest."""
    with pytest.warns(NotHeld, match=says):
        found = ask(lake).collect()

    assert [name for name in found["ticker"].unique().to_list() if name != "A"] == []


@pytest.mark.parametrize(
    "dates", [("2024-03-09", "2024-03-10"), ("2024-03-29", "2024-03-29"), ("1999-01-04", "1999-12-31")]
)
def test_no_command_is_named_that_could_fetch_nothing(lake: Lake, dates: tuple[str, str]) -> None:
    """A weekend, a holiday and the years before the first file have no session: there is nothing to sync."""
    with pytest.warns(NotHeld, match="no session from") as told:
        lake.bars("A", "1m", *dates)

    assert "forebay sync" not in str(told[0].message)


def test_a_ticker_of_another_class_is_not_fetched_as_what_it_looks_like(basin: Basin) -> None:
    """A question for crypto names crypto's command and how its tickers are spelled, not the stock of that name."""
    basin.rest(bars("X:BTCUSD", table="crypto/bars_1m"), "X:BTCUSD", DAY, DAY, "crypto/bars_1m")
    lake = Lake(basin.root, warns=False)

    (alone,) = lake.missing("AAPL", "1m", DAY, asset_class="crypto")
    (mixed,) = lake.missing(["AAPL", "X:ETHUSD"], "1m", DAY, asset_class="crypto")

    says = "no crypto/bars_1m of AAPL from 2024-03-07 to the end are held (tickers of crypto begin with X:); to fetch: "
    assert says + "forebay sync --datasets crypto/bars_1m --start 2024-03-07" == alone
    assert mixed.endswith("forebay sync --tickers X:ETHUSD --timeframes 1m --start 2024-03-07")


def test_what_is_missing_is_asked_of_the_same_rows(lake: Lake) -> None:
    """`missing` looks at the version and into the class that `bars` was asked for."""
    assert [] == lake.missing("C", as_of=lake.version(TABLE))
    assert 1 == len(lake.missing("C", as_of=0))
    with pytest.raises(LakeError, match="futures_cme/bars_1m"):
        lake.missing("ESZ5", asset_class="futures_cme")


def test_what_is_held_is_not_warned_of(lake: Lake) -> None:
    """Not even when hours or the caller's own filter leave nothing; a Lake may be told to keep quiet."""
    assert 0 == lake.bars("C", "1m", *MARCH).filter(pl.col("close") < 0).collect().height
    assert 0 == lake.bars("A", "1m", TUESDAY, TUESDAY, session="extended").collect().height - 1
    assert 0 == Lake(lake.home, warns=False).bars("Z").collect().height
    assert [] == lake.missing(["A", "B"])
    assert ["Z"] == [line.split(" of ")[1].split()[0] for line in lake.missing(["A", "Z"])]
