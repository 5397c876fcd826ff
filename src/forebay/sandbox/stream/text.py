"""Events as the vendor writes them: one JSON text for each row of a table, made for all rows at once."""

from __future__ import annotations

import polars as pl

from forebay.model.live import Cluster
from forebay.sandbox.stream.channels import Channel
from forebay.sandbox.stream.fields import FIELDS, Field, quoted


def texts(cluster: Cluster, channel: Channel, table: pl.DataFrame) -> pl.Series:
    """The event of each row of a channel's table."""
    fields = FIELDS[cluster, channel.name](channel)
    return _with_flaws(channel.name, table, table.select(_event(channel.name, fields, table)).to_series())


def _event(name: str, fields: list[Field], table: pl.DataFrame) -> pl.Expr:
    """Fields in order; one that is null in a row is left out there."""
    parts: list[pl.Expr] = [pl.lit(f'{{"ev":"{name}"')]
    nulls = table.select(expression.is_null().any().alias(field) for field, expression in fields).row(0, named=True)
    for field, expression in fields:
        pair = [pl.lit(f',"{field}":'), expression.cast(pl.String())]
        parts += [pl.concat_str(pair).fill_null("")] if nulls[field] else pair
    return pl.concat_str([*parts, pl.lit("}")]).alias("text")


def _with_flaws(name: str, table: pl.DataFrame, text: pl.Series) -> pl.Series:
    """The texts with what a fault has spoiled in them."""
    if table["flaw"].null_count() == table.height:
        return text
    start = pl.concat_str([pl.lit(f'{{"ev":"{name}","sym":'), quoted("symbol"), pl.lit(',"pair":'), quoted("symbol")])
    whole = pl.col("text")
    spoiled = {
        "stream_malformed": pl.concat_str([start, pl.lit(',"o":"n/a","c":{},"p":[],"s":"soon","t":null}')]),
        "stream_broken_json": whole.str.head(40),
        "stream_unknown_field": pl.concat_str([whole.str.head(-1), pl.lit(',"zz_new":{"a":[1,"b"]}}')]),
        "stream_unknown_event": pl.concat_str([pl.lit('{"ev":"ZZ_NEW","x":[1]},'), whole]),
    }
    chosen = whole
    for flaw, spelling in spoiled.items():
        chosen = pl.when(pl.col("flaw") == flaw).then(spelling).otherwise(chosen)
    return table.with_columns(text=text).select(chosen.alias("text")).to_series()
