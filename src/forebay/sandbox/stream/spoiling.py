"""Events that are not as they should be, by fault rules: which rows of a table, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from math import ceil
from types import MappingProxyType

import polars as pl

from forebay.model.live import Cluster
from forebay.sandbox.bars import MINUTE, SECOND
from forebay.sandbox.faults import STREAM_EVENTS, Fault
from forebay.sandbox.stream.channels import wire_symbol

_KEY = ("symbol", "start", "out")


class Spoiling:
    """The rules about one cluster's events. An event has the same fate for everyone, and whenever it is asked for.

    `every` = N takes about one event of N, by its symbol and time.
    """

    def __init__(self, cluster: Cluster, rules: Sequence[Fault]) -> None:
        self._cluster = cluster
        self._rules = [one for one in rules if one.kind in STREAM_EVENTS and fnmatchcase(f"/{cluster}", one.path)]
        self._struck: dict[int, pl.DataFrame] = {}
        """Of rules that strike so many times: the events they have struck."""

    @property
    def longest(self) -> int:
        """How much later than it should (ns, whole minutes) an event may come."""
        waits = [one.seconds for one in self._rules if one.kind in _LATE]
        return ceil(max(waits, default=0.0) * SECOND / MINUTE) * MINUTE

    def spoil(self, channel: str, table: pl.DataFrame, since: int) -> pl.DataFrame:
        """The table as it goes out. What was to go out before `since` (ns) uses up no rule."""
        for place, rule in enumerate(self._rules):
            if rule.channel in ("", channel) and table.height:
                struck = self._strikes(place, rule, table, since)
                table = _EFFECTS[rule.kind](table, struck, rule)
        return table.sort("out", maintain_order=True) if self._rules else table

    def _strikes(self, place: int, rule: Fault, table: pl.DataFrame, since: int) -> pl.Series:
        """Which rows the rule strikes."""
        about = pl.col("flaw").is_null()
        if rule.ticker:
            about &= pl.col("symbol").is_in([rule.ticker, wire_symbol(self._cluster.asset_class, rule.ticker)])
        if rule.every > 1:
            about &= pl.struct("symbol", "start").hash(seed=place) % rule.every == 0
        mask = table.select(about.alias("struck")).to_series()
        return mask if rule.times is None else self._first(place, rule.times, table, mask, since)

    def _first(self, place: int, times: int, table: pl.DataFrame, mask: pl.Series, since: int) -> pl.Series:
        """Of the rows in `mask`, those that were struck before, and the next ones as long as there are strikes left."""
        struck = self._struck.get(place, table.select(_KEY).clear())
        new = table.filter(mask & (table["out"] >= since)).select(_KEY).join(struck, on=_KEY, how="anti")
        struck = pl.concat([struck, new.sort("out", maintain_order=True).head(times - struck.height)])
        self._struck[place] = struck
        keys = table.select(_KEY).with_row_index("row").join(struck, on=_KEY, how="semi")["row"]
        return pl.Series(range(table.height), dtype=keys.dtype).is_in(keys.implode()) & mask


def _flawed(table: pl.DataFrame, struck: pl.Series, rule: Fault) -> pl.DataFrame:
    """Its text is spoiled when it is written."""
    return table.with_columns(flaw=pl.when(struck).then(pl.lit(rule.kind)).otherwise(pl.col("flaw")))


def _twice(table: pl.DataFrame, struck: pl.Series, _: Fault) -> pl.DataFrame:
    return pl.concat([table, table.filter(struck)])


def _late(table: pl.DataFrame, struck: pl.Series, rule: Fault) -> pl.DataFrame:
    return table.with_columns(out=pl.when(struck).then(_later(rule)).otherwise(pl.col("out")))


def _restated(table: pl.DataFrame, struck: pl.Series, rule: Fault) -> pl.DataFrame:
    """Without its last trades first; the whole bar once more, later."""
    if "units" not in table.columns:
        return table
    rows = table.filter(struck)
    first = rows.with_columns(close=pl.col("open"), units=pl.col("units") * 9 // 10)
    return pl.concat([table.filter(~struck), first, rows.with_columns(out=_later(rule))])


def _later(rule: Fault) -> pl.Expr:
    return pl.col("out") + int(rule.seconds * SECOND)


_LATE = ("stream_late", "stream_restated")
_EFFECTS: Mapping[str, Callable[[pl.DataFrame, pl.Series, Fault], pl.DataFrame]] = MappingProxyType(
    {
        **dict.fromkeys(STREAM_EVENTS, _flawed),
        "stream_duplicate": _twice,
        "stream_late": _late,
        "stream_restated": _restated,
    }
)
