"""The fields that the events of each channel have, and how they are spelled. Source: the vendor's streaming page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import polars as pl

from forebay.model.live import Cluster
from forebay.sandbox.bars import MINUTE, SECOND
from forebay.sandbox.stream.channels import Channel, Content
from forebay.sandbox.trades import SIZE_UNIT

_MILLISECOND = 1_000_000
_LENGTH = {Content.SECONDS: SECOND, Content.MINUTES: MINUTE}

Field = tuple[str, pl.Expr]


def quoted(column: str) -> pl.Expr:
    """A column as JSON text. Symbols and numbers need no escapes."""
    return pl.concat_str([pl.lit('"'), pl.col(column).cast(pl.String()), pl.lit('"')])


def _price(column: str) -> pl.Expr:
    """The shortest spelling; whole numbers without `.0`."""
    return pl.col(column).cast(pl.String()).str.strip_suffix(".0")


def _decimal(column: str) -> pl.Expr:
    """A size in parts as the vendor's exact text: `"4989.0"`, `"12.038360"`."""
    return _exact(pl.col(column))


def _exact(parts: pl.Expr) -> pl.Expr:
    rest = parts % SIZE_UNIT
    digits = pl.when(rest == 0).then(pl.lit("0")).otherwise(rest.cast(pl.String()).str.zfill(6))
    return pl.concat_str([pl.lit('"'), (parts // SIZE_UNIT).cast(pl.String()), pl.lit("."), digits, pl.lit('"')])


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
_SYMBOL: Field = ("sym", quoted("symbol"))
_PAIR: Field = ("pair", quoted("symbol"))


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
        ("i", quoted("id")),
        ("z", pl.col("tape")),
        ("p", _price("price")),
        ("s", pl.col("size").cast(pl.Int64())),
        ("ds", _exact((pl.col("size") * SIZE_UNIT).round().cast(pl.Int64()))),
        ("c", _list("conditions")),
        ("t", _stamp()),
        ("pt", _stamp("participant_timestamp")),
        ("q", pl.col("sequence_number")),
        ("trfi", pl.when(reported).then(pl.col("trf_id"))),
        ("trft", pl.when(reported).then(_stamp("trf_timestamp"))),
    ]


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
    return [("T", quoted("symbol")), ("val", _price("value")), ("t", _stamp())]


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
    return [("p", quoted("symbol")), ("x", quoted("ask_exchange")), *prices, ("t", _stamp())]


FIELDS: Mapping[tuple[Cluster, str], Callable[[Channel], list[Field]]] = MappingProxyType(
    {
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
)
"""The fields of an event of each channel, `ev` left out."""
