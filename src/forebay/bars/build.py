"""Bars from trades: each table of trades is summed up by itself, and sums of the same window are added up later.

Every sum is of whole numbers and every first and last goes by (time, sequence number), so that neither the order of
trades nor the way a file is cut into tables can matter. Rules: `forebay.bars.conditions`; `docs/trades.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from forebay.bars.conditions import HIGH_LOW, OPEN_CLOSE, VOLUME
from forebay.bars.resample import rewindow
from forebay.bars.sizes import BarSize, Hours
from forebay.bars.trades import MICRO, Flags, Floats, Ints, Prints, Runs
from forebay.errors import CheckFailed
from forebay.model.partition import Source
from forebay.model.rows import BAR_ROWS

_NANO = 1000 * MICRO
_NANOS_PER_MICRO = 1000
_AFTER_ALL, _BEFORE_ALL = np.iinfo(np.int64).max, -1
_VWAP_DECIMALS = 6

_SUMS = pl.Schema(
    {
        "ticker": pl.String(),
        "window": pl.Int64(),
        "open": pl.Float64(),
        "open_time": pl.Int64(),
        "open_number": pl.Int64(),
        "close": pl.Float64(),
        "close_time": pl.Int64(),
        "close_number": pl.Int64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "shares": pl.Int64(),
        "transactions": pl.Int64(),
        "paid": pl.Int64(),
        "paid_rest": pl.Int64(),
    }
)
Sums = pl.DataFrame
"""A row for each window: its first and last price, each with the (time, number) that it goes by, and whole sums."""


def sum_up(prints: Prints, size: BarSize, hours: Hours) -> Sums:
    """What the trades of one table come to, by window of `size.base`, bars or not; in the order of runs, then time."""
    size = size.base
    if not len(prints.run):
        return pl.DataFrame(schema=_SUMS)
    bits = prints.day_bits if size.is_day else prints.bits
    window = (prints.time - hours.midnight) // size.length
    at = _starts(prints.run, window)
    counts = bits & VOLUME != 0
    shares = prints.shares * counts
    return pl.DataFrame(
        {
            "ticker": prints.tickers.gather(prints.run[at]),
            "window": window[at] * size.length + hours.midnight,
            **_ends(prints, bits & OPEN_CLOSE != 0, at),
            **_extremes(prints.price, bits & HIGH_LOW != 0, at),
            "shares": _totals(shares, at),
            "transactions": _totals(counts, at),
            **_paid(prints.price, shares, at),
        }
    )


def _starts(run: Runs, window: Ints) -> Ints:
    """Where a new window, or another ticker, begins."""
    first = np.ones(len(run), bool)
    first[1:] = (run[1:] != run[:-1]) | (window[1:] != window[:-1])
    return np.flatnonzero(first)


def _totals(values: Ints | Flags, at: Ints) -> Ints:
    """The sum of each window; exact even where the running one does not fit, for whole numbers wrap around."""
    running = np.cumsum(values, dtype=np.int64)
    upto: Ints = running[np.append(at[1:] - 1, len(values) - 1)]
    upto[1:] -= upto[:-1].copy()
    return upto


def _ends(prints: Prints, sets: Flags, at: Ints) -> dict[str, Ints | Floats]:
    """The first and the last trade that may set open and close, with their times: none is after, or before, all."""
    place = np.append(np.flatnonzero(sets), 0)  # the last one is nobody's
    upto = np.cumsum(_totals(sets, at))
    before = np.append(0, upto[:-1])
    held = upto > before
    columns: dict[str, Ints | Floats] = {}
    for end, rows, none in (("open", place[before], _AFTER_ALL), ("close", place[upto - 1], _BEFORE_ALL)):
        columns[end] = prints.price[rows]
        columns[f"{end}_time"] = np.where(held, prints.time[rows], none)
        columns[f"{end}_number"] = np.where(held, prints.number[rows], none)
    return columns


def _extremes(price: Floats, sets: Flags, at: Ints) -> dict[str, Floats]:
    return {
        "high": np.maximum.reduceat(np.where(sets, price, -np.inf), at),
        "low": np.minimum.reduceat(np.where(sets, price, np.inf), at),
    }


def _paid(price: Floats, shares: Ints, at: Ints) -> dict[str, Ints]:
    """Dollars, exact: for whole shares in millionths; for the fractions, which are worth little, in billionths."""
    whole = shares // MICRO
    fraction = shares - whole * MICRO
    dollars = np.rint(price * MICRO).astype(np.int64) * whole
    rest = np.rint(price * fraction * (_NANO / MICRO)).astype(np.int64) if fraction.any() else fraction
    return {"paid": _totals(dollars, at), "paid_rest": _totals(rest, at)}


def added_up(parts: Sequence[Sums]) -> Sums:
    """One row for each ticker and window, from any number of sums, sorted by both."""
    sums = pl.concat(parts)
    keys = ("ticker", "window")
    if sums.select(pl.struct(keys).is_duplicated().any()).item():
        first = pl.col("open", "open_time", "open_number").sort_by("open_time", "open_number").first()
        last = pl.col("close", "close_time", "close_number").sort_by("close_time", "close_number").last()
        total = pl.col("shares", "transactions", "paid", "paid_rest").sum()
        sums = sums.group_by(keys).agg(first, last, pl.col("high").max(), pl.col("low").min(), total)
    return sums.sort(keys).select(_SUMS.names())


def finished(sums: Sums, size: BarSize, hours: Hours) -> pl.DataFrame:
    """Bars (BAR_ROWS, source `trades`) of the windows in which a trade set open and close; sums of all of a ticker."""
    held = sums.filter(pl.col("close_time") != _BEFORE_ALL)
    volume = held["shares"].to_numpy() / MICRO
    paid = held["paid"].to_numpy() / MICRO + held["paid_rest"].to_numpy() / _NANO
    vwap = np.full(len(volume), np.nan)
    np.divide(paid, volume, out=vwap, where=volume > 0)
    known: dict[str, pl.Expr] = {
        "window_start": (pl.col("window") // _NANOS_PER_MICRO).cast(BAR_ROWS["window_start"]),
        "volume": pl.lit(pl.Series(volume)),
        "vwap": pl.lit(pl.Series(vwap.round(_VWAP_DECIMALS)).fill_nan(None)),
        "session_date": pl.lit(hours.day),
        "source": pl.lit(str(Source.TRADES)),
    }
    bars = held.select(known.get(name, pl.col(name)).cast(kind).alias(name) for name, kind in BAR_ROWS.items())
    if not size.of_minutes:
        return bars
    midnight, length = hours.midnight // _NANOS_PER_MICRO, size.length // _NANOS_PER_MICRO
    start = (pl.col("window_start").dt.timestamp("us") - midnight) // length * length + midnight
    return rewindow(bars.lazy(), start.cast(BAR_ROWS["window_start"])).collect()


class BarBuilder:
    """Bars of one size from the sums of a file's tables, given in the file's order.

    Memory holds one ticker's windows at a time: each ticker must stand in one run of rows, as the vendor's files have
    it. With `gather`, for a few tickers, everything is held to the end and the order does not matter.
    """

    def __init__(self, size: BarSize, hours: Hours, *, gather: bool = False) -> None:
        self.size = size
        self._hours = hours
        self._gather = gather
        self._held: list[Sums] = []
        """What may go on in the next table: the sums of the ticker at the end of the last one."""
        self._ticker = ""
        """The one at the end of the last table."""
        self._seen: set[str] = set()

    def take(self, sums: Sums) -> pl.DataFrame:
        """Add the sums of the next table; the bars of the tickers that are over.

        Only what goes on from the tables before has to be added up: within a table each window is one row already.

        Raises CheckFailed when one of those comes again.
        """
        if not sums.height:
            return BAR_ROWS.to_frame()
        if self._gather:
            self._held.append(sums)
            return BAR_ROWS.to_frame()
        heads = _heads(sums["ticker"])
        self._prove_runs(heads)
        head, last = heads[0], heads[-1]
        starts_anew = head != self._ticker
        self._ticker = last
        if head == last and not starts_anew:
            self._held.append(sums)
            return BAR_ROWS.to_frame()
        ticker = sums["ticker"]
        first, after = (0 if starts_anew else _end_of(ticker, head)), _start_of(ticker, last)
        over = [added_up([*self._held, sums[:first]])] if self._held else []
        self._held = [sums[after:]]
        return finished(pl.concat([*over, sums[first:after]]), self.size, self._hours)

    def finish(self) -> pl.DataFrame:
        """The bars of what is left."""
        held, self._held = self._held, []
        return finished(added_up(held), self.size, self._hours) if held else BAR_ROWS.to_frame()

    def _prove_runs(self, heads: list[str]) -> None:
        """Every ticker stands in one run of rows, in this table and in those before it."""
        for head in heads[1:] if heads[0] == self._ticker else heads:
            if head in self._seen:
                raise CheckFailed(
                    f"the trades of {head} do not stand together: the file is not sorted by ticker",
                    remedy="name the tickers that you need: with --tickers the order of the file does not matter",
                )
            self._seen.add(head)


def _heads(ticker: pl.Series) -> list[str]:
    """The ticker of each run."""
    return ticker.filter(ticker.ne_missing(ticker.shift(1))).to_list()


def _end_of(ticker: pl.Series, head: str) -> int:
    """Where the first run, which is of `head`, ends."""
    return int((ticker != head).arg_max() or 0)


def _start_of(ticker: pl.Series, last: str) -> int:
    """Where the last run, which is of `last`, starts."""
    return int((ticker == last).arg_max() or 0)
