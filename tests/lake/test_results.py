"""Answers in the forms that people work with, and SQL that looks at no more than a query needs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from lakes import DAY, Basin, bars

from forebay import Lake
from forebay.errors import LakeError, UsageError
from forebay.lake.reading.sql_scope import scopes_of
from forebay.model.intervals import Interval
from forebay.model.partition import Source

DAYS, FRIDAY = [date(2024, 2, 29), DAY, date(2024, 4, 1)], date(2024, 3, 8)


@pytest.fixture
def lake(basin: Basin) -> Lake:
    """Three days of two tickers by flat file, a third ticker by REST."""
    for day in DAYS:
        basin.flatfile(bars(["A", "B"], [day], source=Source.FLATFILE), day)
    basin.rest(bars("C", [FRIDAY]), "C", FRIDAY, FRIDAY)
    return Lake(basin.root)


def test_pandas_and_arrow_get_the_same_bars(lake: Lake) -> None:
    """Times keep their zone, and every value stays."""
    found = lake.bars("A").collect()

    table = found.to_arrow()
    assert found.equals(pl.DataFrame(table))
    assert "timestamp[us, tz=UTC]" == str(table.schema.field("window_start").type)
    frame = found.to_pandas()
    assert ("UTC", found["volume"].to_list()) == (str(frame["window_start"].dt.tz), frame["volume"].to_list())


def test_a_connection_has_a_view_for_each_table(lake: Lake) -> None:
    """Other tables may stand beside them; the lake cannot be written through it."""
    with lake.duckdb() as connection:
        connection.execute("create table mine as select 'A' as ticker")
        rows = connection.sql("select count(*) from stocks.bars_1m join mine using (ticker)").fetchall()
        assert [(6,)] == rows
        with pytest.raises(duckdb.Error, match="Can only delete from base table"):
            connection.execute("delete from stocks.bars_1m")


def test_big_answers_stay_lazy(lake: Lake) -> None:
    """What a query filters and selects reaches the scan: no other column is read."""
    plan = lake.bars(["A", "B"]).filter(pl.col("close") > 3).select("ticker", "close").explain()

    assert "PROJECT 2/11 COLUMNS" in plan or "PROJECT 3/11 COLUMNS" in plan
    assert "SELECTION" in plan.split("Parquet SCAN", 1)[1]


def test_what_is_in_order_is_not_sorted_again(lake: Lake) -> None:
    """One ticker of files whose dates follow each other, one file, or a whole day: no sort stands in the plan."""
    assert "SORT" not in lake.bars("A").explain()
    assert "SORT" not in lake.bars(["A", "B"], "1m", DAYS[2], DAYS[2]).explain()
    assert "SORT" in lake.bars(["A", "B"]).explain()


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("", 4),
        ("where ticker = 'A'", 3),
        ("t where t.ticker in ('A', 'C') and close > 0", 4),
        ("where session_date = '2024-03-08' and ticker = 'C'", 1),
        ("where session_date between date '2024-03-01' and date '2024-03-31'", 2),
        ("where session_date >= '2024-03-09'", 1),
        ("where session_date > '2024-03-07' and session_date < '2024-03-07'", 1),
        ("where session_date < '2024-03-01' or ticker = 'C'", 4),
        ("where not ticker = 'A'", 4),
        ("where lower(ticker) = 'a'", 4),
    ],
)
def test_conditions_leave_files_out(lake: Lake, where: str, kept: int) -> None:
    """What AND demands of dates and tickers chooses the files; the answer is that of the whole table."""
    query = f"select ticker, session_date, close from stocks.bars_1m {where} order by all"
    with lake.duckdb() as connection:
        (scope,) = scopes_of(connection, query, lake.tables())
        expected = pl.DataFrame(connection.sql(query).to_arrow_table())

    assert kept == len(lake._tables.snapshot("stocks/bars_1m").files(scope.dates, scope.tickers))
    assert expected.equals(lake.sql(query))


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select a.* from stocks.bars_1m a join stocks.bars_1m b using (ticker) where a.ticker = 'A'", 36),
        ("select * from stocks.bars_1m o where exists (select 1 from stocks.bars_1m where o.ticker = 'A')", 6),
        ("select * from (values ('A')) v(t) where exists (select 1 from stocks.bars_1m b where v.t = 'A')", 1),
        (
            "select * from (values ('C')) v(t), lateral (select 1 from stocks.bars_1m x where v.t = 'C')",
            14,
        ),
        ("with mine as (from stocks.bars_1m where ticker = 'A') select * from mine where ticker = 'B'", 0),
        ("from stocks.bars_1m x(ticker_, ticker) where ticker = '2024'", None),
        (
            "select * from stocks.bars_1m where ticker = 'A' union all select * from stocks.bars_1m where ticker = 'B'",
            12,
        ),
        ('select * from "stocks"."BARS_1M" where "Ticker" = \'C\'', 2),
        ("explain select * from stocks.bars_1m", 1),
    ],
)
def test_nothing_is_left_out_that_a_query_needs(lake: Lake, query: str, rows: int | None) -> None:
    """Joins, outer columns, renamed columns and unions see the whole table."""
    if rows is None:
        with pytest.raises(UsageError, match="failed"):
            lake.sql(query)
    else:
        assert rows == lake.sql(query).height


def test_a_version_in_sql_is_of_one_table(basin: Basin, lake: Lake) -> None:
    """A number says nothing of a second table: a moment is asked for then."""
    staged = basin.stage(bars("A", per_day=1, table="stocks/bars_1d"), "stocks/bars_1d")
    basin.tables.put_range(staged, "A", Interval(DAY, DAY))
    both = "select m.* from stocks.bars_1m m join stocks.bars_1d using (ticker, session_date)"

    assert 2 == lake.sql(both, as_of=datetime.now(UTC)).height
    assert 4 == lake.sql("select * from stocks.bars_1m", as_of=1).height
    with pytest.raises(UsageError, match="of which table"):
        lake.sql(both, as_of=1)


def test_columns_that_share_a_name_are_refused(lake: Lake) -> None:
    """A join of two tables brings some twice: which one is which has to be said."""
    with pytest.raises(UsageError, match="several columns are called close") as refused:
        lake.sql("select a.close, b.close from stocks.bars_1m a join stocks.bars_1m b using (ticker)")
    assert "as" in refused.value.remedy


def test_a_table_without_files_is_an_empty_view(basin: Basin) -> None:
    """What every row was taken from has its columns still."""
    basin.rest(bars("C"), "C", DAY, DAY)
    basin.rest(bars("C")[:0], "C", DAY, DAY)
    lake = Lake(basin.root)

    assert (0, 11) == lake.sql("select * from stocks.bars_1m").shape


def test_a_damaged_file_is_named_in_sql_too(lake: Lake) -> None:
    """As in every other question."""
    next(Path(lake.home.uri).rglob("2024-04-01__*.parquet")).write_bytes(b"")

    with pytest.raises(LakeError, match="2024-04-01__"):
        lake.sql("select * from stocks.bars_1m")
    assert 2 == lake.sql("select * from stocks.bars_1m where ticker = 'C'").height


def test_a_large_answer_comes_in_batches(lake: Lake, tmp_path: Path) -> None:
    """More rows than one batch go to a file as they come, all and in order; so do the first of them."""
    query = "select range as number, ticker from range(250_000), (select min(ticker) ticker from stocks.bars_1m)"
    with lake.sql_rows(query + " order by number") as rows:
        rows.sink_parquet(tmp_path / "rows.parquet")
    with lake.sql_rows("select range as number, 'A' as ticker from range(400_000)") as rows:
        first = rows.select("number").head(150_000).collect()

    written = pl.read_parquet(tmp_path / "rows.parquet")
    assert list(range(250_000)) == written["number"].to_list()
    assert list(range(150_000)) == first["number"].to_list()
    late = "select cast(case when range > 500_000 then 'x' else '1' end as int) as v from range(600_000)"
    with pytest.raises(UsageError, match="Could not convert"), lake.sql_rows(late) as rows:
        rows.sink_csv(tmp_path / "rows.csv")
    with pytest.raises(UsageError, match="read-only"), lake.sql_rows("drop table stocks.bars_1m"):
        pass


def test_who_leaves_a_huge_answer_early_is_let_go(lake: Lake) -> None:
    """The rest of it is neither waited for nor computed, on leaving as by `head`; afterwards its rows are refused."""
    endless = "select range as number from range(1_000_000_000_000)"
    with lake.sql_rows(endless) as rows:
        assert list(range(5)) == rows.head(5).collect()["number"].to_list()
    with lake.sql_rows(endless) as rows:
        batches = rows.collect_batches()
        first = next(iter(batches))
    with pytest.raises(KeyError, match="mine"), lake.sql_rows(endless):
        raise KeyError("mine")

    assert 0 == first["number"][0]
    with pytest.raises(UsageError, match="`with` has ended"):
        rows.collect()


def test_a_file_that_goes_after_the_question_is_one_error(basin: Basin, lake: Lake) -> None:
    """Vacuumed before the rows are collected: a LakeError that says to ask again; a wrong query is not the disk's."""
    rows, (path,) = lake.bars("C"), [path for path in basin.files() if "rest" in path.name]
    path.unlink()

    with pytest.raises(LakeError, match=path.name) as gone, lake.explained():
        rows.collect()
    with pytest.raises(LakeError, match="mine") as wrong, lake.explained():
        lake.bars("A").filter(pl.col("mine") > 1).collect()

    assert "ask again" in gone.value.remedy
    assert "correct the query" in wrong.value.remedy
    assert isinstance(wrong.value.__cause__, pl.exceptions.ColumnNotFoundError)
