"""Flat files of trades, quotes and values become tables: every column by name, every number to its last digit."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.model.catalogue import BARS, DATASETS, Column, Dataset, Kind
from forebay.model.rows import bad_schema, plain_schema
from forebay.vendor.csv_rows import read_rows

DAY = date(2026, 3, 4)
TICKS = sorted(name for name, dataset in DATASETS.items() if dataset.kind not in BARS)
_PRINTED = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))
_WHOLE = st.integers(-(2**63), 2**63 - 1)
_FIELDS = {
    Column.TEXT: st.text(_PRINTED, max_size=6) | st.sampled_from(["", "12,37", "NA", "null", "1e5", '900]:"C', " "]),
    Column.FLOAT: st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.decimals(0, 10**9, places=6).map(str)
    | _WHOLE.map(str),
    Column.INT: _WHOLE.map(str),
    Column.NANOS: _WHOLE.map(str),
}
_TYPES = {Column.TEXT: str, Column.FLOAT: float, Column.INT: int, Column.NANOS: int}


def lines(dataset: Dataset):
    """Rows of texts that a file of the dataset may hold; columns that may be empty sometimes are."""
    fields = [
        _FIELDS[kind] | st.just("") if name in dataset.optional else _FIELDS[kind]
        for name, kind in dataset.columns.items()
    ]
    return st.tuples(*fields)


def written(dataset: Dataset, rows: list[tuple[str, ...]]) -> str:
    """The file's text: only fields that need quotes have them, as the vendor's."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([tuple(dataset.columns), *rows])
    return text.getvalue()


def read(dataset: Dataset, text: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Good rows and bad ones."""
    tables = list(read_rows([gzip.compress(text.encode())], dataset, DAY))
    good = [table for table in tables if "reason" not in table.columns]
    bad = [table for table in tables if "reason" in table.columns]
    return (
        pl.concat(good or [pl.DataFrame(schema=plain_schema(dataset))]),
        pl.concat(bad or [pl.DataFrame(schema=bad_schema(dataset))]),
    )


def meant(dataset: Dataset, row: tuple[str, ...]) -> tuple[object, ...]:
    """What a line says; REST's spelling of a pair has no dash before the last word."""
    told = [
        None if not text and name in dataset.optional else _TYPES[kind](text)
        for (name, kind), text in zip(dataset.columns.items(), row, strict=True)
    ]
    return (*told, DAY, "flatfile")


@pytest.mark.parametrize("name", TICKS)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_every_value_comes_back(name, data):
    """Whatever a file may say arrives as it is, the empty text as an empty text; with a broken line among them too."""
    dataset = DATASETS[name]
    rows = data.draw(st.lists(lines(dataset), min_size=1, max_size=4))
    expected = [meant(dataset, row) for row in rows]

    good, bad = read(dataset, written(dataset, rows))
    beside, broken = read(dataset, written(dataset, [*rows, ("A", "b")]))

    assert plain_schema(dataset) == good.schema == beside.schema
    assert expected == good.rows()
    assert good.equals(beside)
    assert 0 == bad.height
    assert ["A,b"] == broken["text"].to_list()
    assert bad_schema(dataset) == broken.schema
    assert [DAY] == broken["session_date"].to_list()


@pytest.mark.parametrize("name", TICKS)
def test_an_empty_number_is_null_only_where_a_page_of_the_vendor_says_so(name):
    """Of futures' quotes a side may be empty; an empty field anywhere else costs its row, with the column's name."""
    dataset = DATASETS[name]
    values = {Column.TEXT: "x", Column.FLOAT: "1.5", Column.INT: "7", Column.NANOS: "1772640000000000001"}
    row = {column: values[kind] for column, kind in dataset.columns.items()}
    for column, kind in dataset.columns.items():
        good, bad = read(dataset, written(dataset, [tuple((row | {column: ""}).values())]))
        if kind is Column.TEXT:
            assert [""] == good[column].to_list()
        elif column in dataset.optional:
            assert [None] == good[column].to_list()
        else:
            assert [True] == bad["reason"].str.contains(f"row 1: {column} '' is not a").to_list()
    one_sided = dataset.kind is Kind.QUOTES and dataset.venue
    assert bool(one_sided) == bool(dataset.optional)


@pytest.mark.parametrize(
    ("name", "ticker", "expected"),
    [
        ("global_crypto/trades_v1", "X:BTC-USD", "X:BTCUSD"),
        ("global_forex/quotes_v1", "C:EUR-USD", "C:EURUSD"),
        ("us_futures_cme/trades_v1", "ESZ5-ESH6", "ESZ5-ESH6"),
    ],
)
def test_pairs_get_the_spelling_of_rest(name, ticker, expected):
    """The dash of currency pairs goes; that of a spread of futures stays."""
    dataset = DATASETS[name]
    row = dict.fromkeys(dataset.columns, "1") | {"ticker": ticker}

    good, _ = read(dataset, written(dataset, [tuple(row.values())]))

    assert [expected] == good["ticker"].to_list()
