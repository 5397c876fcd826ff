"""What tests of trades, quotes and values share: good rows of any dataset."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import polars as pl

from forebay.model.calendar import day_start, trade_date_bounds
from forebay.model.catalogue import BARS, LAKE_DATASETS, Column, Dataset
from forebay.model.instrument import PREFIX_OF, AssetClass
from forebay.model.partition import Source
from forebay.model.rows import plain_schema, time_column

DAY = date(2026, 3, 4)
TICKS = sorted(table for table, dataset in LAKE_DATASETS.items() if dataset.kind not in BARS)
_NANOS = 10**9


def bounds(dataset: Dataset, day: date = DAY) -> tuple[int, int]:
    """The first nanosecond of a session date, and the first one after it."""
    if dataset.asset_class is AssetClass.FUTURES:
        first, after = trade_date_bounds(day)
    else:
        first, after = day_start(dataset, day), day_start(dataset, day + timedelta(days=1))
    return int(first.timestamp()) * _NANOS, int(after.timestamp()) * _NANOS


def good_rows(dataset: Dataset, count: int, seed: int = 0) -> pl.DataFrame:
    """`count` rows of some tickers that pass every check, sorted by ticker and time; some times are equal."""
    random = Random(seed)
    rows = pl.DataFrame([_row(dataset, random) for _ in range(count)], schema=plain_schema(dataset), orient="row")
    return rows.sort("ticker", time_column(dataset), maintain_order=True)


def _row(dataset: Dataset, random: Random) -> list[Any]:
    first, after = bounds(dataset)
    told = {name: _value(kind, random) for name, kind in dataset.columns.items()}
    told["ticker"] = PREFIX_OF.get(dataset.asset_class, "") + random.choice(["A", "AAp", "AAPL", "NA", "Z-Z 1"])
    told[time_column(dataset)] = random.choice([first, after - 1, random.randrange(first, after), first + _NANOS])
    if "session_end_date" in told:
        told["session_end_date"] = DAY.isoformat()
    return [*told.values(), DAY, Source.FLATFILE]


def _value(kind: Column, random: Random) -> Any:
    match kind:
        case Column.TEXT:
            return random.choice(["", "12", "12,37", "900]:C", "null"])
        case Column.FLOAT:
            return random.choice([random.uniform(1e-6, 1e6), float(random.randrange(1, 1000)), 0.1])
        case Column.INT:
            return random.choice([0, 1, random.randrange(2**40)])
    return random.randrange(2**62)
