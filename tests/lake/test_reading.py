"""Asking the lake: the right rows, and errors that say what to do."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest
from lakes import DAY, Basin, bars

from forebay import Lake
from forebay.errors import ForebayError, LakeError, UsageError
from forebay.model.intervals import Interval
from forebay.model.partition import Source

DAYS = [date(2024, 2, 29), date(2024, 3, 7), date(2024, 4, 1)]


@pytest.fixture
def lake(basin: Basin) -> Lake:
    """Two stocks over three months, one option and one index by day."""
    for day in DAYS:
        basin.flatfile(bars(["AAP", "AAp"], [day], source=Source.FLATFILE, per_day=70), day)
    for ticker, table in (("O:SPY251219C00650000", "options/bars_1d"), ("I:SPX", "indices/bars_1d")):
        staged = basin.stage(bars(ticker, per_day=1, table=table), table)
        basin.tables.put_range(staged, ticker, Interval(DAY, DAY))
    return Lake(basin.root)


def test_case_decides_between_two_tickers(lake: Lake) -> None:
    """`AAp` is not `AAP`; both together come sorted by ticker bytes, then time."""
    one, both = lake.bars("AAp").collect(), lake.bars(["AAp", "AAP"]).collect()

    assert ["AAp"] == one["ticker"].unique().to_list()
    assert 3 * 70 == one.height
    assert both.equals(both.sort("ticker", "window_start"))
    assert 2 * 3 * 70 == both.height


def test_dates_are_inclusive_and_may_be_open(lake: Lake) -> None:
    """Both ends are held, as text or dates; an open end reaches to the first or last row."""
    assert DAYS[1:] == lake.bars("AAP", start="2024-03-07").collect()["session_date"].unique().sort().to_list()
    assert DAYS[:2] == lake.bars("AAP", end=DAYS[1]).collect()["session_date"].unique().sort().to_list()
    assert [DAYS[1]] == lake.bars("AAP", "1m", DAYS[1], DAYS[1]).collect()["session_date"].unique().to_list()


def test_classes_are_told_by_prefix(lake: Lake) -> None:
    """A mixed list reads each class from its own table; an option brings its columns."""
    found = lake.bars(["O:SPY251219C00650000", "I:SPX"], "1d").collect()

    assert ["I:SPX", "O:SPY251219C00650000"] == found["ticker"].to_list()
    assert [None, 650.0] == found["strike"].to_list()


def test_all_of_a_class(lake: Lake) -> None:
    """None with an asset class means every ticker."""
    assert ["AAP", "AAp"] == lake.bars(None, asset_class="stocks").collect()["ticker"].unique().sort().to_list()


def test_larger_bars_are_made_of_minutes(lake: Lake) -> None:
    """An hour of minutes is one bar: first open, highest high, summed volume."""
    rows = lake.bars("AAP", "1h", DAY, DAY).collect()

    assert [sum(100.0 + minute for minute in range(60)), sum(100.0 + minute for minute in range(60, 70))] == rows[
        "volume"
    ].to_list()
    assert [10.0, 10.0] == rows["open"].to_list()


def test_sql_sees_schemas_and_utc(lake: Lake) -> None:
    """Tables are named by class and kind, times are UTC, the answer is a Polars table."""
    found = lake.sql("select ticker, count(*) as n, min(window_start) as t from stocks.bars_1m group by 1 order by 1")

    assert [("AAP", 210), ("AAp", 210)] == found.select("ticker", "n").rows()
    assert pl.Datetime("us", "UTC") == found.schema["t"]
    assert 1 == lake.sql("select * from options.bars_1d where strike = 650").height


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("drop table stocks.bars_1m", "read-only"),
        ("select 1; select 2", "one statement"),
        ("selec 1", "failed"),
        ("select * from stocks.trades", "failed"),
        ("select interval 1 day as step", "INTERVAL: step"),
        ("select interval 1 day as step where false", "INTERVAL: step"),
    ],
)
def test_wrong_queries_are_usage_errors(lake: Lake, query: str, says: str) -> None:
    """What does not parse, is not there, or would write is refused with the tables that exist."""
    with pytest.raises(UsageError, match=says) as refused:
        lake.sql(query)

    assert refused.value.remedy


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda lake: lake.bars("AAP", "1min"), UsageError, "1min"),
        (lambda lake: lake.bars("AAP", "30h"), UsageError, "30h"),
        (lambda lake: lake.bars("AAP", "10s"), UsageError, "made of trades"),
        (lambda lake: lake.bars("AAP", session="night"), UsageError, "night"),
        (lambda lake: lake.bars("AAP", fill="next"), UsageError, "next"),
        (lambda lake: lake.bars("AAP", "1d", fill="previous"), UsageError, "not filled"),
        (lambda lake: lake.bars("AAP", start=datetime(2024, 3, 7)), UsageError, "moment"),
        (lambda lake: lake.bars("AAP", "1m", "2024-03-08", "2024-03-07"), UsageError, "reversed"),
        (lambda lake: lake.bars("AAP", "1m", "yesterday"), UsageError, "yesterday"),
        (lambda lake: lake.bars(None), UsageError, "asset class"),
        (lambda lake: lake.bars(None, asset_class="stock"), UsageError, "stock"),
        (lambda lake: lake.bars([]), UsageError, "no tickers"),
        (lambda lake: lake.bars(""), UsageError, "'' is no ticker"),
        (lambda lake: lake.bars(["AAP", None]), UsageError, "None is no ticker"),
        (lambda lake: lake.rows("stocks/bars_1m", b"AAP"), UsageError, "no ticker"),
        (lambda lake: lake.bars(5), UsageError, "tickers=5"),
        (lambda lake: lake.bars("AAP", 5), UsageError, "timeframe=5"),
        (lambda lake: lake.bars("AAP", session=None), UsageError, "None"),
        (lambda lake: lake.bars("AAP", adjust=True), UsageError, "True"),
        (lambda lake: lake.bars("AAP", adjust_as_of=date(2024, 3, 7)), UsageError, "without adjust"),
        (lambda lake: lake.bars("AAP", asset_class=5), UsageError, "5"),
        (lambda lake: lake.bars("AAP", start=20240307), UsageError, "20240307"),
        (lambda lake: lake.bars("AAP", as_of="1"), UsageError, "as_of='1'"),
        (lambda lake: lake.bars("AAP", as_of=date(2024, 3, 7)), UsageError, "neither"),
        (lambda lake: lake.bars("X:BTCUSD"), LakeError, "crypto/bars_1m"),
        (lambda lake: Lake(lake.home.folder / "nowhere").bars("A"), LakeError, "nowhere"),
        (lambda lake: Lake(lake.home.folder.parent).sql("select 1"), LakeError, "no tables"),
        (lambda lake: lake.digest("stocks/bars_1d"), LakeError, "stocks/bars_1d"),
    ],
)
def test_wrong_questions_say_what_to_do(lake: Lake, ask: object, error: type[ForebayError], says: str) -> None:
    """Every wrong question is an error of ours that names what was wrong and the next step."""
    with pytest.raises(error, match=says) as refused:
        ask(lake)

    assert refused.value.remedy


def test_a_near_miss_gets_a_suggestion(lake: Lake) -> None:
    """A misspelt timeframe is answered with the nearest one."""
    with pytest.raises(UsageError) as refused:
        lake.bars("AAP", "15min")

    assert "did you mean '15m'?" in refused.value.remedy


def test_a_table_that_is_not_there_is_fetched_or_spelled_right(lake: Lake) -> None:
    """The next step is the command for that table, or the name that looks like it."""
    with pytest.raises(LakeError) as absent:
        lake.trades("AAP")
    with pytest.raises(LakeError) as misspelt:
        lake.rows("stocks.bars_1m")

    assert "forebay sync --datasets stocks/trades --start DATE" in absent.value.remedy
    assert "did you mean 'stocks/bars_1m'?" in misspelt.value.remedy


def test_other_engines_read_the_tables(lake: Lake) -> None:
    """Polars' own Delta reader sees the same rows as ours."""
    path = lake.home.folder / "stocks" / "bars_1m"

    assert 2 * 3 * 70 == pl.scan_delta(str(path)).select(pl.len()).collect().item()


def test_tables_are_listed(lake: Lake) -> None:
    """Only tables that exist are named."""
    assert ["indices/bars_1d", "options/bars_1d", "stocks/bars_1m"] == sorted(lake.tables())
    assert [] == Lake(lake.home.folder / "nowhere").tables()
