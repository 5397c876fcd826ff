"""The columns of every table, from the catalogue alone."""

from __future__ import annotations

import polars as pl
import pytest

from forebay.model.catalogue import BARS, DATASETS, Column
from forebay.model.instrument import AssetClass
from forebay.model.rows import BAR_ROWS, OPTION_ROWS, bad_schema, plain_schema, row_schema, time_column

NAMES = sorted(DATASETS)


@pytest.mark.parametrize("name", NAMES)
def test_no_column_of_a_file_is_lost(name):
    """Each has a place under its own name: text as text, numbers in 64 bits, nanoseconds of ticks as integers."""
    dataset = DATASETS[name]
    stored = row_schema(dataset)
    types = {Column.TEXT: pl.String, Column.FLOAT: pl.Float64, Column.INT: pl.Int64, Column.NANOS: pl.Int64}
    for column, kind in dataset.columns.items():
        bars_time = dataset.kind in BARS and column == "window_start"
        assert stored[column] == (pl.Datetime("us", "UTC") if bars_time else types[kind]), column
    assert [pl.Date, pl.String] == [stored["session_date"], stored["source"]]


@pytest.mark.parametrize("name", NAMES)
def test_tables_begin_with_the_same_columns_whatever_the_class(name):
    """Bars have those of all bars first, options their own last, and bad rows a reason and a text more."""
    dataset = DATASETS[name]
    if dataset.kind in BARS:
        assert BAR_ROWS.names() == row_schema(dataset).names()[: len(BAR_ROWS)]
    extra = OPTION_ROWS.names() if dataset.asset_class is AssetClass.OPTIONS else []
    assert [*plain_schema(dataset).names(), *extra] == row_schema(dataset).names()
    assert [*plain_schema(dataset).names(), "reason", "text"] == bad_schema(dataset).names()


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("us_stocks_sip/minute_aggs_v1", "window_start"),
        ("us_futures_cme/session_aggs_v1", "window_start"),
        ("us_stocks_sip/trades_v1", "sip_timestamp"),
        ("us_options_opra/quotes_v1", "sip_timestamp"),
        ("global_crypto/trades_v1", "participant_timestamp"),
        ("global_forex/quotes_v1", "participant_timestamp"),
        ("us_indices/values_v1", "timestamp"),
        ("us_futures_nymex/quotes_v1", "timestamp"),
    ],
)
def test_rows_are_sorted_by_the_best_time_there_is(name, time):
    """The SIP's before the participant's before any other."""
    assert time == time_column(DATASETS[name])
