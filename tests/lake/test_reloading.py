"""A day's file that comes again, is empty, or is partly bad: what it takes from the lake and what it leaves."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from lakes import DAY, FIRST, SECOND, Basin, bars

from forebay import Lake
from forebay.errors import CheckFailed
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source

NEXT = DAY.replace(day=8)


def held(basin: Basin) -> list[tuple[str, date, str]]:
    """(ticker, day, source) of every row, each once."""
    rows = Lake(basin.root).bars(None, asset_class="stocks").collect()
    return sorted(set(rows.select("ticker", "session_date", "source").rows()))


def take_partly_bad(basin: Basin) -> bool:
    """Deliver a file with A's rows good, all of B's bad and one of C's two; whether it was new."""
    good = bars("A", source=Source.FLATFILE, per_day=400)
    rest = bars(["B", "C"], source=Source.FLATFILE)
    bad = (pl.col("ticker") == "B") | (pl.int_range(pl.len()) == 3)
    return basin.flatfile(pl.concat([good, rest.with_columns(volume=pl.when(bad).then(-1.0).otherwise("volume"))]))


@pytest.mark.parametrize("symbols", [["A", "B", "C", "D"], [ALL_SYMBOLS]], ids=["by_symbol", "market_wide"])
@pytest.mark.parametrize("end", [DAY, NEXT], ids=["day", "range"])
def test_rest_keeps_the_tickers_whose_rows_in_the_file_are_all_bad(basin: Basin, symbols: list[str], end: date) -> None:
    """B, of which the file says nothing good, keeps its REST rows; no ticker has two sources on the day."""
    for symbol in symbols:
        names = list("ABCD") if symbol == ALL_SYMBOLS else symbol
        basin.rest(bars(names, {DAY, end}), symbol, DAY, end)

    assert [True, False] == [take_partly_bad(basin), take_partly_bad(basin)]

    day = [("A", DAY, "flatfile"), ("B", DAY, "rest"), ("C", DAY, "flatfile")]
    after = [(name, NEXT, "rest") for name in "ABCD"] if end == NEXT else []
    assert sorted([*day, *after]) == held(basin)


def test_rows_that_a_file_spared_stay_when_rest_comes_again(basin: Basin) -> None:
    """REST over a range leaves what is held on a flat file's day, be it from REST, and renews the other days."""
    basin.rest(bars("B", [DAY, NEXT]), "B", DAY, NEXT)
    take_partly_bad(basin)

    basin.rest(bars("B", [DAY, NEXT], price=30.0), "B", DAY, NEXT)

    rows = Lake(basin.root).bars("B").collect().select("session_date", "open").unique().sort("session_date").rows()
    assert [(DAY, 10.0), (NEXT, 30.0)] == rows


def test_an_empty_file_takes_the_earlier_one_away(basin: Basin) -> None:
    """Re-published with a header only: the day's file rows go in one commit, REST rows stay, again is once."""
    basin.rest(bars("B", [DAY, NEXT]), "B", DAY, NEXT)
    take_partly_bad(basin)
    empty = bars("A", [])

    assert [True, False] == [basin.flatfile(empty, revision=SECOND), basin.flatfile(empty, revision=SECOND)]

    assert [("B", DAY, "rest"), ("B", NEXT, "rest")] == held(basin)


def test_an_empty_file_in_an_empty_lake_is_nothing(basin: Basin) -> None:
    """A holiday's file with a header only leaves no row and no Parquet file."""
    assert not basin.flatfile(bars("A", []))

    assert [] == basin.files()


def test_the_same_revision_with_other_rows_replaces_the_day(basin: Basin) -> None:
    """A file that is read again after a repair brings its new rows, though the vendor's revision is the same."""
    basin.flatfile(bars("A", source=Source.FLATFILE, price=10.0))

    assert basin.flatfile(bars("A", source=Source.FLATFILE, price=20.0), revision=FIRST)

    assert [20.0, 20.0] == Lake(basin.root).bars("A").collect()["open"].to_list()


def test_how_rows_arrive_does_not_change_their_file(basin: Basin) -> None:
    """The same rows in other portions are the same delivery: nothing is committed."""
    rows = bars([f"T{number:03}" for number in range(100)], source=Source.FLATFILE, per_day=300)
    portions = [rows[start : start + 777] for start in range(0, rows.height, 777)]
    basin.flatfile(rows)
    staged = basin.tables.stage(portions, BAR_DATASETS["stocks/bars_1m"], "test", (DAY, FIRST))

    assert not basin.tables.replace_day(staged, DAY, FIRST).new


def test_nothing_of_a_delivery_stays_in_staging(basin: Basin) -> None:
    """Delivered, delivered twice, refused by the checks or by the lake: the staging folder holds its lock only."""
    with pytest.raises(CheckFailed):
        basin.rest(bars("B"), "A", DAY, DAY)
    with pytest.raises(CheckFailed):
        basin.flatfile(bars("A", [NEXT], source=Source.FLATFILE), DAY)
    with pytest.raises(CheckFailed):
        basin.stage(bars("A", per_day=100).with_columns(pl.lit(-1.0).alias("volume")))
    for _ in range(2):
        basin.tables.put_range(basin.stage(bars("A")), "A", Interval(DAY, DAY))
        basin.flatfile(bars("A", source=Source.FLATFILE))
        basin.flatfile(bars("A", []), NEXT)

    assert ["lock"] == [path.name for path in basin.staging.folder.iterdir()]
