"""What each ticker's bars of a session come to: the sums that minute bars and day bars are compared by."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

import polars as pl

from forebay.model.calendar import session
from forebay.model.catalogue import BARS, Dataset, Kind
from forebay.model.partition import Source

KEY = ("session_date", "ticker")
_FIRSTS = ("open_low", "open_high")
_SUMS = ("rows", "from_file", "patched", "volume", "transactions")
_LOWS = ("low_inside", "first_minute")
_HIGHS = ("high_inside", "last_minute")
_MOST_PARTS = 64
"""Tables of partial sums held before they are summed up."""


class Totals:
    """Sums over blocks of rows, for the session dates in `days` and the `tickers` that are asked for (None: all).

    Bars of a minute give `volume`, `transactions` and, over the regular hours, the extremes of price before the close
    (`high_inside`, `low_inside`), the first and last minute (UTC) and the range of the first one (`open_low`,
    `open_high`). Day bars give their own columns. Anything else is counted. Memory: a row for each ticker and day.
    """

    def __init__(self, dataset: Dataset, days: Collection[date], tickers: Collection[str] | None = None) -> None:
        self._kind = dataset.kind
        self._days = _hours(dataset, days)
        self._tickers = sorted(tickers) if tickers else None
        self._parts: list[pl.DataFrame] = []

    def take(self, rows: pl.DataFrame) -> None:
        """Add a block."""
        if self._tickers is not None:
            rows = rows.filter(pl.col("ticker").is_in(self._tickers))
        inside = rows.join(self._days, on="session_date", how="inner", maintain_order="left")
        if inside.height:
            self._parts.append(inside.group_by(KEY, maintain_order=True).agg(self._sums()))
        if len(self._parts) > _MOST_PARTS:
            self._parts = [self.table()]

    def table(self) -> pl.DataFrame:
        """The sums so far, sorted by session date and ticker; no columns when no row came."""
        if not self._parts:
            return pl.DataFrame()
        return _summed(pl.concat(self._parts)).sort(KEY)

    def _sums(self) -> Iterable[pl.Expr]:
        yield pl.len().cast(pl.Int64).alias("rows")
        for name, source in (("from_file", Source.FLATFILE), ("patched", Source.TRADES)):
            yield (pl.col("source") == source.value).sum().cast(pl.Int64).alias(name)
        if self._kind not in BARS:
            return
        yield from (pl.col("volume").sum(), pl.col("transactions").sum())
        if self._kind is Kind.BARS_1D:
            yield from (pl.col(name).first() for name in ("open", "high", "low", "close"))
        else:
            yield from _of_minutes()


def _of_minutes() -> Iterable[pl.Expr]:
    minute = pl.col("window_start")
    regular = minute.is_between("regular_opens", "regular_closes")
    inside = regular & (minute < pl.col("regular_closes"))
    yield pl.col("high").filter(inside).max().alias("high_inside")
    yield pl.col("low").filter(inside).min().alias("low_inside")
    yield minute.filter(regular).min().alias("first_minute")
    yield minute.filter(regular).max().alias("last_minute")
    yield from (pl.col(name).filter(regular).first().alias(f"open_{name}") for name in ("low", "high"))


def _summed(parts: pl.DataFrame) -> pl.DataFrame:
    """Partial sums of the same ticker and day as one row. A file's blocks may part a ticker, and files a day."""
    names = [name for name in parts.columns if name not in KEY]
    first = pl.col("first_minute")
    how = (
        {name: pl.col(name).sum() for name in _SUMS}
        | {name: pl.col(name).min() for name in _LOWS}
        | {name: pl.col(name).max() for name in _HIGHS}
        | {name: pl.col(name).filter(first == first.min()).first() for name in _FIRSTS}
    )
    return parts.group_by(KEY, maintain_order=True).agg(how.get(name, pl.col(name).first()) for name in names)


def _hours(dataset: Dataset, days: Collection[date]) -> pl.DataFrame:
    """The regular hours of each day, UTC."""
    bounds = [_regular(dataset.calendar, day) for day in sorted(days)]
    stamp = pl.Datetime("us", "UTC")
    schema = {"session_date": pl.Date(), "regular_opens": stamp, "regular_closes": stamp}
    return pl.DataFrame(bounds, schema=schema, orient="row")


def _regular(calendar: str, day: date) -> tuple[date, object, object]:
    try:
        found = session(calendar, day)
    except KeyError:  # rows of a day without a session, which another check speaks of
        return day, None, None
    return day, found.regular_opens, found.regular_closes
