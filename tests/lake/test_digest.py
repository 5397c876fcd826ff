"""One number for what rows say: the same for the same rows, another for any other."""

from __future__ import annotations

import random

import polars as pl
import pytest
from lakes import DAYS, MINUTES
from ticks import TICKS, good_rows

from forebay.lake.format.digest import CONTENT, content_of, digest
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.rows import plain_schema


def test_bars_by_file_and_by_rest_have_one_digest():
    """Where a row came from is not what it says; futures' bars say more than others."""
    assert CONTENT == content_of(MINUTES) == content_of(DAYS)
    assert {"exchange", "session_end_date", "dollar_volume"} == {*content_of(LAKE_DATASETS["futures_cme/bars_1m"])} - {
        *CONTENT
    }


@pytest.mark.parametrize("table", TICKS)
def test_order_and_cuts_do_not_matter_and_every_value_does(table):
    """Shuffled and cut rows are the same rows; change one value of any column, and they are others."""
    dataset = LAKE_DATASETS[table]
    rows, columns = good_rows(dataset, 30), content_of(dataset)
    shuffled = rows.sample(fraction=1, shuffle=True, seed=1)
    whole = digest([rows], columns)

    assert whole == digest([shuffled[:7], shuffled[7:]], columns)
    place = random.Random(table).randrange(30)
    for name in columns:
        here = pl.int_range(pl.len()) == place
        other = pl.col(name).reverse() if rows[name].reverse()[place] != rows[name][place] else pl.lit(None)
        changed = rows.with_columns(
            pl.when(here).then(other).otherwise(pl.col(name)).alias(name).cast(rows.schema[name])
        )
        assert whole != digest([changed], columns), name
    assert set(plain_schema(dataset)) - {"source"} == set(columns)


def test_a_trade_that_stands_there_twice_counts_twice():
    """Ticks have no key: how often a row is there is part of what is held."""
    dataset = LAKE_DATASETS["options/trades"]
    rows, columns = good_rows(dataset, 5), content_of(dataset)
    found = {digest([rows, *[rows[2:3]] * more], columns) for more in range(4)}

    assert len(found) == 4
