"""The day that goes on: its bars lie in a file for each quarter of an hour, which is written anew as bars come.

So that a commit costs the same at the end of a day as at its beginning: the vendor changes a bar for a quarter of an
hour, which is two files. The day's flat file, or what REST says of the whole day, takes them away like any other rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from forebay.lake.format.digest import digest
from forebay.lake.format.layout import is_live, live_name, parse_name, partition_folder, partition_value
from forebay.lake.home.moving import MARK_LENGTH
from forebay.lake.writing.ownership import of_day
from forebay.lake.writing.placing import Placing
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.partition import Source
from forebay.model.rows import row_schema

_QUARTER = "15m"
_KEY = ["ticker", "window_start"]


def put_bars(placing: Placing, table: str, day: date, rows: pl.DataFrame) -> None:
    """Plan the bars of one session date into the table, the later of those with one key."""
    held = of_day(placing.held(partition_value(table, day)), day)
    live = {path: name.quarter for path in held if is_live(path) and (name := parse_name(path))}
    mine = _unowned(placing, [path for path in held if path not in live], day, rows)
    quarter = pl.col("window_start").dt.truncate(_QUARTER).dt.strftime("%H%M")
    for (name,), came in mine.group_by(quarter.alias("quarter"), maintain_order=True):
        _put_quarter(placing, table, (day, str(name)), [path for path in live if live[path] == name], came)


def _put_quarter(
    placing: Placing, table: str, where: tuple[date, str], held: Sequence[str], came: pl.DataFrame
) -> None:
    day, quarter = where
    columns = row_schema(LAKE_DATASETS[table]).names()
    parts = [placing.scan(held).select(columns).collect()] if held else []
    bars = pl.concat([*parts, came.select(columns)]).unique(_KEY, keep="last", maintain_order=True).sort(_KEY)
    name = live_name(day, quarter, digest([bars])[:MARK_LENGTH])
    target = f"{partition_folder(table, partition_value(table, day))}/{name}"
    if list(held) != [target]:
        placing.put(placing.write([bars]), target, bars.height)
        placing.drop(path for path in held if path != target)


def _unowned(placing: Placing, others: Sequence[str], day: date, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that no better source has spoken of: none beside a flat file, else what is later than its last bar."""
    names = [parse_name(path) for path in others]
    if any(name is not None and name.source is Source.FLATFILE for name in names):
        return rows.clear()
    if not others:
        return rows
    asked = pl.col("ticker").is_in(rows["ticker"].unique().to_list()) & (pl.col("session_date") == day)
    told = (
        placing.scan(others).filter(asked).group_by("ticker").agg(pl.col("window_start").max().alias("told")).collect()
    )
    later = rows.join(told, on="ticker", how="left", maintain_order="left")
    return later.filter((pl.col("window_start") > pl.col("told")).fill_null(value=True)).drop("told")
