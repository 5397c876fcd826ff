"""Events as the vendor writes them: one JSON text for each row of a table, made for all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from forebay.model.live import Cluster
from forebay.sandbox.bars import MINUTE, SECOND
from forebay.sandbox.stream.channels import Channel, Content
from forebay.sandbox.trades import SIZE_UNIT

_MILLISECOND = 1_000_000
_LENGTH = {Content.SECONDS: SECOND, Content.MINUTES: MINUTE}

Field = tuple[str, pl.Expr]


def texts(cluster: Cluster, channel: Channel, table: pl.DataFrame) -> pl.Series:
    """The event of each row of a channel's table."""
    fields = _FIELDS[cluster, channel.name](channel)
    return _with_flaws(channel.name, table, table.select(_event(channel.name, fields, table)).to_series())


def _event(name: str, fields: list[Field], table: pl.DataFrame) -> pl.Expr:
    """Fields in order; one that is null in a row is left out there."""
    parts: list[pl.Expr] = [pl.lit(f'{{"ev":"{name}"')]
    nulls = table.select(expression.is_null().any().alias(field) for field, expression in fields).row(0, named=True)
    for field, expression in fields:
        pair = [pl.lit(f',"{field}":'), expression.cast(pl.String())]
        parts += [pl.concat_str(pair).fill_null("")] if nulls[field] else pair
    return pl.concat_str([*parts, pl.lit("}")]).alias("text")


def _quoted(column: str) -> pl.Expr:
    return pl.concat_str([pl.lit('"'), pl.col(column).cast(pl.String()), pl.lit('"')])


def _price(column: str) -> pl.Expr:
    """The shortest spelling; whole numbers without `.0`."""
    return pl.col(column).cast(pl.String()).str.strip_suffix(".0")


def _decimal(column: str) -> pl.Expr:
    """A size in parts as the vendor's exact text: `"4989.0"`, `"12.038360"`."""
    rest = pl.col(column) % SIZE_UNIT
    digits = pl.when(rest == 0).then(pl.lit("0")).otherwise(rest.cast(pl.String()).str.zfill(6))
    whole = (pl.col(column) // SIZE_UNIT).cast(pl.String())
    return pl.concat_str([pl.lit('"'), whole, pl.lit("."), digits, pl.lit('"')])


def _whole(column: str) -> pl.Expr:
    """A size in parts, fractions cut off."""
    return pl.col(column) // SIZE_UNIT


def _fraction(column: str) -> pl.Expr:
    """A size in parts as a number, fractions kept."""
    return (pl.col(column) / SIZE_UNIT).cast(pl.String()).str.strip_suffix(".0")


def _average() -> pl.Expr:
    """The average trade size; as a fraction where a fault says so."""
    whole = pl.col("units") // SIZE_UNIT // pl.col("transactions").clip(1)
    text = whole.cast(pl.String())
    return pl.when(pl.col("flaw") == "stream_decimal_sizes").then(pl.concat_str([text, pl.lit(".0")])).otherwise(text)


def _times(channel: Channel) -> list[Field]:
    start = pl.col("start") // _MILLISECOND
    return [("s", start), ("e", start + _LENGTH[channel.content] // _MILLISECOND)]


def _stamp(column: str = "start") -> pl.Expr:
    return pl.col(column) // _MILLISECOND


def _list(column: str) -> pl.Expr:
    """`14,41` as `[14,41]`; null where there is none."""
    text = pl.concat_str([pl.lit("["), pl.col(column), pl.lit("]")])
    return pl.when(pl.col(column).str.len_chars() > 0).then(text)


_PRICES: list[Field] = [("o", _price("open")), ("c", _price("close")), ("h", _price("high")), ("l", _price("low"))]
_SYMBOL: Field = ("sym", _quoted("symbol"))
_PAIR: Field = ("pair", _quoted("symbol"))


def _stock_bar(channel: Channel) -> list[Field]:
    volume = [
        ("v", _whole("units")),
        ("dv", _decimal("units")),
        ("av", _whole("day_units")),
        ("dav", _decimal("day_units")),
    ]
    return [_SYMBOL, *volume, *_day(), *_PRICES, ("a", _price("day_vwap")), ("z", _average()), *_times(channel)]


def _option_bar(channel: Channel) -> list[Field]:
    volume = [("v", _whole("units")), ("av", _whole("day_units"))]
    return [_SYMBOL, *volume, *_day(), *_PRICES, ("a", _price("day_vwap")), ("z", _average()), *_times(channel)]


def _day() -> list[Field]:
    return [("op", _price("day_open")), ("vw", _price("vwap"))]


def _index_bar(channel: Channel) -> list[Field]:
    return [_SYMBOL, ("op", _price("day_open")), *_PRICES, *_times(channel)]


def _forex_bar(channel: Channel) -> list[Field]:
    return [_PAIR, *_PRICES, ("v", _whole("units")), *_times(channel)]


def _crypto_bar(channel: Channel) -> list[Field]:
    volume = [("v", _fraction("units")), ("vw", _price("vwap")), ("z", _average())]
    return [_PAIR, *volume, *_PRICES, *_times(channel)]


def _stock_trade(_: Channel) -> list[Field]:
    reported = pl.col("trf_id") > 0
    return [
        _SYMBOL,
        ("x", pl.col("exchange")),
        ("i", _quoted("id")),
        ("z", pl.col("tape")),
        ("p", _price("price")),
        ("s", pl.col("size").cast(pl.Int64())),
        ("ds", _decimal_of("size")),
        ("c", _list("conditions")),
        ("t", _stamp()),
        ("pt", _stamp("participant_timestamp")),
        ("q", pl.col("sequence_number")),
        ("trfi", pl.when(reported).then(pl.col("trf_id"))),
        ("trft", pl.when(reported).then(_stamp("trf_timestamp"))),
    ]


def _decimal_of(column: str) -> pl.Expr:
    parts = (pl.col(column) * SIZE_UNIT).round().cast(pl.Int64())
    rest = parts % SIZE_UNIT
    digits = pl.when(rest == 0).then(pl.lit("0")).otherwise(rest.cast(pl.String()).str.zfill(6))
    return pl.concat_str([pl.lit('"'), (parts // SIZE_UNIT).cast(pl.String()), pl.lit("."), digits, pl.lit('"')])


def _option_trade(_: Channel) -> list[Field]:
    return [
        _SYMBOL,
        ("x", pl.col("exchange")),
        ("p", _price("price")),
        ("s", pl.col("size").cast(pl.Int64())),
        ("c", _list("conditions")),
        ("t", _stamp()),
        ("q", pl.col("start") // 1000 % 1_000_000_000),
    ]


def _crypto_trade(_: Channel) -> list[Field]:
    return [
        _PAIR,
        ("p", _price("price")),
        ("t", _stamp()),
        ("s", _price("size")),
        ("c", _list("conditions")),
        ("i", pl.col("id")),
        ("x", pl.col("exchange")),
        ("r", _stamp() + 40),
    ]


def _index_value(_: Channel) -> list[Field]:
    return [("T", _quoted("symbol")), ("val", _price("value")), ("t", _stamp())]


def _side(side: str) -> list[Field]:
    short = side[0]
    return [(f"{short}p", _price(f"{side}_price")), (f"{short}s", pl.col(f"{side}_size").cast(pl.Int64()))]


def _stock_quote(_: Channel) -> list[Field]:
    return [
        _SYMBOL,
        ("bx", pl.col("bid_exchange")),
        *_side("bid"),
        ("ax", pl.col("ask_exchange")),
        *_side("ask"),
        ("c", pl.col("conditions").str.split(",").list.first()),
        ("i", _list("indicators")),
        ("t", _stamp()),
        ("pt", _stamp("participant_timestamp")),
        ("q", pl.col("sequence_number")),
        ("z", pl.col("tape")),
    ]


def _option_quote(_: Channel) -> list[Field]:
    venues = [("bx", pl.col("bid_exchange")), ("ax", pl.col("ask_exchange"))]
    return [_SYMBOL, *venues, *_side("bid"), *_side("ask"), ("t", _stamp()), ("q", pl.col("sequence_number"))]


def _forex_quote(_: Channel) -> list[Field]:
    prices = [("a", _price("ask_price")), ("b", _price("bid_price"))]
    return [("p", _quoted("symbol")), ("x", _quoted("ask_exchange")), *prices, ("t", _stamp())]


_FIELDS: Mapping[tuple[Cluster, str], Callable[[Channel], list[Field]]] = {
    (Cluster.STOCKS, "AM"): _stock_bar,
    (Cluster.STOCKS, "A"): _stock_bar,
    (Cluster.STOCKS, "T"): _stock_trade,
    (Cluster.STOCKS, "Q"): _stock_quote,
    (Cluster.OPTIONS, "AM"): _option_bar,
    (Cluster.OPTIONS, "A"): _option_bar,
    (Cluster.OPTIONS, "T"): _option_trade,
    (Cluster.OPTIONS, "Q"): _option_quote,
    (Cluster.INDICES, "AM"): _index_bar,
    (Cluster.INDICES, "A"): _index_bar,
    (Cluster.INDICES, "V"): _index_value,
    (Cluster.FOREX, "CA"): _forex_bar,
    (Cluster.FOREX, "CAS"): _forex_bar,
    (Cluster.FOREX, "C"): _forex_quote,
    (Cluster.CRYPTO, "XA"): _crypto_bar,
    (Cluster.CRYPTO, "XAS"): _crypto_bar,
    (Cluster.CRYPTO, "XT"): _crypto_trade,
}


def _with_flaws(name: str, table: pl.DataFrame, text: pl.Series) -> pl.Series:
    """The texts with what a fault has spoiled in them."""
    if table["flaw"].null_count() == table.height:
        return text
    start = pl.concat_str([pl.lit(f'{{"ev":"{name}","sym":'), _quoted("symbol"), pl.lit(',"pair":'), _quoted("symbol")])
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
