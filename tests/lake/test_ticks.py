"""Trades, quotes and values on their way into the lake: every check splits off its row, nothing else changes."""

from __future__ import annotations

import random
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import FIRST, Basin
from ticks import DAY, TICKS, bounds, good_rows

from forebay.lake.intake.checks import checks_of
from forebay.lake.intake.intake import Refused
from forebay.lake.intake.quality import check_rows
from forebay.lake.sorting import ordering
from forebay.model.catalogue import LAKE_DATASETS, Kind
from forebay.model.instrument import PREFIX_OF, AssetClass
from forebay.model.rows import bad_schema, row_schema, time_column

NAN, ENDLESS = float("nan"), float("inf")
FAULTS = {
    Kind.TRADES: [("price", NAN, "price"), ("price", -ENDLESS, "price"), ("size", -1, "size")],
    Kind.QUOTES: [("ask_price", NAN, "price"), ("bid_price", ENDLESS, "price")],
    Kind.VALUES: [("value", NAN, "value"), ("value", ENDLESS, "value")],
}


def faults(dataset) -> list[tuple[str, object, str]]:
    """Columns with a value that is wrong there, and the reason that is to be given."""
    first, after = bounds(dataset)
    time = time_column(dataset)
    found = [
        ("ticker", "", "ticker"),
        ("ticker", "A\x00B", "ticker"),
        ("ticker", None, "missing_value"),
        (time, first - 1, "outside_session_date"),
        (time, after, "outside_session_date"),
        (time, -(2**63), "outside_session_date"),
        (time, None, "missing_value"),
        *FAULTS[dataset.kind],
    ]
    signed = dataset.asset_class is AssetClass.FUTURES
    if dataset.kind is Kind.TRADES and not signed:
        found += [("price", 0.0, "price"), ("price", -0.01, "price"), ("price", None, "missing_value")]
    if dataset.kind is Kind.QUOTES and not signed:
        found += [("bid_price", -0.01, "price"), ("ask_price", None, "missing_value")]
    if "bid_size" in dataset.columns:
        found += [("bid_size", -1, "size"), ("ask_size", -(2**63), "size")]
    if "session_end_date" in dataset.columns:
        found += [("session_end_date", text, "other_trade_date") for text in ("2026-03-05", "", "20260304")]
    if dataset.asset_class in PREFIX_OF:
        found.append(("ticker", "AAPL", "ticker"))
    return found


CASES = [(table, *fault) for table in TICKS for fault in faults(LAKE_DATASETS[table])]


@pytest.mark.parametrize(("table", "column", "value", "reason"), CASES)
def test_a_bad_row_is_split_off_with_its_reason(table, column, value, reason):
    """One value out of bounds costs exactly its own row."""
    dataset, rows = LAKE_DATASETS[table], good_rows(LAKE_DATASETS[table], 5)
    spoiled = rows.with_columns(
        pl.when(pl.int_range(pl.len()) == 2)
        .then(pl.lit(value, rows.schema[column]))
        .otherwise(pl.col(column))
        .alias(column)
    )

    checked = check_rows(spoiled, dataset)

    assert [reason] == checked.bad["reason"].to_list()
    assert bad_schema(dataset) == checked.bad.schema
    assert spoiled[2].equals(checked.bad.select(rows.columns))
    assert pl.concat([rows[:2], rows[3:]]).equals(checked.good)


@pytest.mark.parametrize("table", TICKS)
@given(seed=st.integers(0, 2**32), data=st.data())
@settings(max_examples=8, deadline=None)
def test_any_mixture_is_split_and_nothing_is_lost(table, seed, data):
    """Of any rows, some of them spoiled, each comes out once: as it was, on its side, in its place."""
    dataset = LAKE_DATASETS[table]
    rows = good_rows(dataset, 20, seed).with_row_index("place")
    known = list(checks_of(dataset, DAY))
    spoiled = data.draw(st.dictionaries(st.integers(0, 19), st.sampled_from(faults(dataset)), max_size=6))
    for place, (column, value, _) in spoiled.items():
        wrong = pl.lit(value, rows.schema[column])
        rows = rows.with_columns(pl.when(pl.col("place") == place).then(wrong).otherwise(pl.col(column)).alias(column))

    checked = check_rows(rows.drop("place"), dataset)

    expected = [spoiled[place][2] for place in sorted(spoiled)]
    assert expected == checked.bad["reason"].to_list()
    assert set(expected) <= set(known)
    assert rows.filter(pl.col("place").is_in(spoiled)).drop("place").equals(checked.bad.drop("reason", "text"))
    assert rows.filter(~pl.col("place").is_in(spoiled)).drop("place").equals(checked.good)


@pytest.mark.parametrize("table", ["stocks/quotes", "options/quotes", "forex/quotes"])
def test_a_side_without_a_quote_is_good(table):
    """Price 0 with size 0 says that nobody quotes; a crossed quote is a fact of the market too."""
    dataset = LAKE_DATASETS[table]
    rows = good_rows(dataset, 4)
    empty = {name: pl.lit(0, rows.schema[name]) for name in ("ask_price", "ask_size") if name in rows.columns}

    assert 0 == check_rows(rows.with_columns(**empty), dataset).bad.height
    assert 0 == check_rows(rows.with_columns(bid_price=pl.col("ask_price") * 2), dataset).bad.height


def test_futures_may_be_one_sided_cost_less_than_nothing_and_have_colons():
    """A side that is empty, a negative price and a spread's name are what the vendor publishes."""
    quotes, trades = LAKE_DATASETS["futures_cme/quotes"], LAKE_DATASETS["futures_nymex/trades"]
    empty = {f"bid_{name}": None for name in ("price", "size", "timestamp")}
    one_sided = good_rows(quotes, 3).with_columns(
        *(pl.lit(None, quotes_type).alias(name) for name, quotes_type in row_schema(quotes).items() if name in empty)
    )
    oil = good_rows(trades, 3).with_columns(price=pl.lit(-37.63), ticker=pl.lit("BZ:BF G6-H6-J6"))

    assert 0 == check_rows(one_sided, quotes).bad.height
    assert 0 == check_rows(oil, trades).bad.height


@pytest.mark.parametrize(
    ("day", "first", "after"),
    [
        (date(2026, 3, 4), "2026-03-03 22:00", "2026-03-04 23:00"),
        (date(2026, 3, 9), "2026-03-06 22:00", "2026-03-09 22:00"),
        (date(2026, 1, 20), "2026-01-16 22:00", "2026-01-20 23:00"),
    ],
)
def test_a_trade_date_of_futures_begins_on_the_evening_before(day, first, after):
    """From the pre-open after the last ordinary session, over a weekend or a short holiday, to 17:00 in Chicago."""
    dataset = LAKE_DATASETS["futures_cme/trades"]
    start, end = (pl.Series([text]).str.to_datetime(time_zone="UTC").dt.epoch("ns").item() for text in (first, after))
    row = good_rows(dataset, 1).with_columns(session_date=pl.lit(day), session_end_date=pl.lit(day.isoformat()))

    found = [
        check_rows(row.with_columns(timestamp=pl.lit(at)), dataset).bad.height
        for at in (start - 1, start, end - 1, end)
    ]

    assert [1, 0, 0, 1] == found


@pytest.mark.parametrize("table", TICKS)
def test_no_row_is_dropped_and_equal_times_keep_their_order(basin: Basin, monkeypatch, table):
    """A shuffled file is sorted by ticker and time; among equals the file's order stays; twins stay twins."""
    monkeypatch.setattr(ordering, "PIECE_ROWS", 7)
    dataset = LAKE_DATASETS[table]
    rows = good_rows(dataset, 40)
    shuffled = pl.concat([rows, rows[:9]]).sample(fraction=1, shuffle=True, seed=5)

    staged = basin.tables.stage([shuffled[:20], shuffled[20:]], dataset, "test")

    found = pl.read_parquet(staged.path, hive_partitioning=False)
    expected = shuffled.sort("ticker", time_column(dataset), maintain_order=True)
    assert row_schema(dataset) == found.schema
    assert expected.equals(found.select(expected.columns))
    assert (49, 0, 0) == (staged.rows, staged.tally.repeated, staged.bad.height)


def test_a_sorted_file_is_not_sorted_again(basin: Basin, monkeypatch):
    """Equal times next to each other are in order: rows of a file that came sorted are written once."""
    monkeypatch.setattr(ordering, "by_ticker_range", None)
    monkeypatch.setattr("forebay.lake.intake.intake.by_ticker_range", None)
    dataset = LAKE_DATASETS["stocks/trades"]
    rows = good_rows(dataset, 30)
    twice = pl.concat([rows, rows]).sort("ticker", "sip_timestamp", maintain_order=True)

    staged = basin.tables.stage([twice[:31], twice[31:]], dataset, "test")

    assert twice.equals(pl.read_parquet(staged.path, hive_partitioning=False).select(twice.columns))


def test_bad_ticks_are_set_aside_in_columns_of_their_own(basin: Basin):
    """What failed a check and what did not parse are kept side by side; the day is held without them."""
    dataset = LAKE_DATASETS["options/quotes"]
    rows = good_rows(dataset, 400)
    wrong = rows[7:9].with_columns(ask_size=pl.lit(-1, pl.Int64()))
    unreadable = pl.DataFrame({"reason": ["row 3: 2 fields instead of 9"], "text": ["O:A,b"]})
    unreadable = pl.concat([pl.DataFrame(schema=bad_schema(dataset)), unreadable], how="diagonal")

    staged = basin.tables.stage([rows[:7], wrong, unreadable, rows[9:]], dataset, "test")

    assert bad_schema(dataset) == staged.bad.schema
    assert ["size", "size", "row 3: 2 fields instead of 9"] == staged.bad["reason"].to_list()
    expected = {"rows_seen": 401, "rows": 398, "repeated": 0, "bad_size": 2, "bad_unreadable": 1}
    assert expected == staged.counts
    assert basin.tables.replace_day(staged, DAY, FIRST).new


def test_a_file_of_another_day_is_refused(basin: Basin):
    """All of a day's trades under another date are not believed, and kept with their reason."""
    dataset = LAKE_DATASETS["stocks/trades"]
    rows = good_rows(dataset, 30).with_columns(session_date=pl.lit(DAY + timedelta(days=1)))

    with pytest.raises(Refused, match="30 of 30 rows are bad: outside_session_date") as refused:
        basin.tables.stage([rows], dataset, "test")

    assert rows.equals(refused.value.rows.select(rows.columns))


def test_pieces_are_of_whole_instants(monkeypatch):
    """However small a piece has to be, rows come once, in order, and those of one instant are never cut apart."""
    monkeypatch.setattr(ordering, "PIECE_ROWS", 3)
    draw = random.Random(4)
    rows = pl.DataFrame(
        {"ticker": [draw.choice("AAAAAAbC") for _ in range(200)], "at": [draw.randrange(9) for _ in range(200)]}
    )
    rows = rows.with_row_index("place")

    pieces = list(ordering.by_ticker_range(rows.lazy(), "at"))

    assert rows.sort("ticker", "at", maintain_order=True).equals(pl.concat(pieces))
    instants = [set(piece.select("ticker", "at").rows()) for piece in pieces]
    assert len(set.union(*instants)) == sum(len(each) for each in instants)
    assert len(pieces) > 15
