"""Rows that were counted as they came, against those that the lake has: by file, and by symbol and session."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

import polars as pl

from forebay.lake.log.entries import exists
from forebay.lake.reading.selecting import rows_as_stored
from forebay.lake.reading.tables import Tables
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage
from forebay.model.intervals import Interval
from forebay.model.partition import Source
from forebay.orchestration.minutes import KEY

BROUGHT = pl.Schema({"ticker": pl.String(), "session_date": pl.Date(), "brought": pl.Int64()})
"""Minute bars of a symbol's session as REST brought them, at least one."""


def rows_of_files(tables: Tables, dataset: Dataset, dates: Interval) -> dict[date, int | None]:
    """Session date to the rows that flat files brought and the lake holds; None where some were repaired from trades.

    Two columns are read. Days without such rows are left out. Raises LakeError.
    """
    if not exists(tables.home.table(dataset.table)):
        return {}
    found = tables.select(dataset, dates, None)
    rows = rows_as_stored(found.home, dataset, found.files, dates, None)
    counts = rows.group_by("session_date", "source").len().collect(engine="streaming")
    files = {day: count for day, source, count in counts.iter_rows() if source == Source.FLATFILE.value}
    patched = {day for day, source, _ in counts.iter_rows() if source == Source.TRADES.value}
    return {day: None if day in patched else count for day, count in files.items()}


def brought(rows: Iterable[Coverage], dates: Interval, patched: Collection[tuple[str, date]]) -> pl.DataFrame:
    """What REST brought on these dates, as BROUGHT, by the newest of its answers; where nobody counted, nothing.

    Sessions of symbols in `patched` are left out: they were put right by trades since.
    """
    newest: dict[tuple[str, date], int] = {}
    for row in sorted(rows, key=lambda row: row.checked_at):
        symbol = row.partition.symbol
        newest |= {(symbol, day): count for day, count in (row.rows_by_day or {}).items() if day in dates}
    counted = [(*place, count) for place, count in newest.items() if count and place not in patched]
    return pl.DataFrame(counted, BROUGHT, orient="row")


def lost(came: pl.DataFrame, held: pl.DataFrame, rows: pl.LazyFrame, files: Collection[date]) -> pl.DataFrame:
    """The sessions that have fewer minute bars in the lake than REST brought: BROUGHT and `lost`, how many fewer.

    `held` has a row with `minutes` for each session that has any, `rows` (KEY and `source`) is read where some are
    fewer. Sessions that another source has replaced are left out, `files` being the days of which a flat file is held.
    """
    both = came.join(held, on=KEY, how="left").with_columns(
        (pl.col("brought") - pl.col("minutes").fill_null(0)).alias("lost")
    )
    fewer = both.filter(
        pl.col("lost") > 0, pl.col("minutes").is_not_null() | ~pl.col("session_date").is_in(list(files))
    )
    fewer = fewer.select(*BROUGHT.names(), "lost")
    if fewer.is_empty():
        return fewer
    replaced = rows.filter(pl.col("source") != Source.REST.value).select(KEY).unique()
    replaced = replaced.join(fewer.lazy(), on=KEY, how="semi")
    return fewer.join(replaced.collect(engine="streaming"), on=KEY, how="anti")
