"""Minute and day bars from a tape, by the vendor's rules (`rules`), for many cells at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forebay.model.instrument import AssetClass
from forebay.sandbox import rules
from forebay.sandbox.noise import Floats, Ints
from forebay.sandbox.trades import PRICE_UNIT, SIZE_UNIT, Tape

MINUTE = 60_000_000_000
SECOND = 1_000_000_000
_NONE = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars, sorted by cell and time. `start` is the window's first ns for minutes, 0 for days."""

    cell: Ints
    start: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    vwap: Floats
    """NaN where nothing counted for volume."""
    transactions: Ints
    last: Ints
    """Place in the tape of the window's last trade, counted or not."""


def minute_bars(tape: Tape) -> Bars:
    """One bar for each minute `[t, t + 60 s)` in which a trade set open and close."""
    return window_bars(tape, MINUTE)


def window_bars(tape: Tape, length: int) -> Bars:
    """The same for windows of `length` ns, up to a minute, by the rules of minute bars."""
    extended = (tape.time < tape.cells.regular_opens[tape.cell]) | (tape.time >= tape.cells.regular_closes[tape.cell])
    return _grouped(tape, tape.time // length * length, extended)


def day_bars(tape: Tape) -> Bars:
    """One bar for each cell in which a trade set open and close. Form T trades count for volume only."""
    return _grouped(tape, np.zeros_like(tape.time), np.zeros(len(tape.time), bool))


def _grouped(tape: Tape, start: Ints, extended: NDArray[np.bool_]) -> Bars:
    if len(start) == 0:
        nothing, none = np.zeros(0, np.int64), np.zeros(0)
        return Bars(nothing, nothing, none, none, none, none, none, none, nothing, nothing)
    first = np.ones(len(start), bool)
    first[1:] = (tape.cell[1:] != tape.cell[:-1]) | (start[1:] != start[:-1])
    groups = np.flatnonzero(first)
    counts = _counts(tape, extended)
    place = np.arange(len(start))
    opening = np.minimum.reduceat(np.where(counts.open_close, place, _NONE), groups)
    closing = np.maximum.reduceat(np.where(counts.open_close, place, -1), groups)
    high = np.maximum.reduceat(np.where(counts.high_low, tape.price, -1), groups)
    low = np.minimum.reduceat(np.where(counts.high_low, tape.price, _NONE), groups)
    volume = np.add.reduceat(np.where(counts.volume, tape.size, 0), groups)
    number = np.add.reduceat(counts.volume.astype(np.int64), groups)
    paid = np.add.reduceat(np.where(counts.volume, tape.price * (tape.size / SIZE_UNIT), 0.0), groups)
    held = closing >= 0
    scale = PRICE_UNIT[tape.asset_class]
    volume, paid = volume[held] / SIZE_UNIT, paid[held] / scale
    vwap = np.full(len(volume), np.nan)
    np.divide(paid, volume, out=vwap, where=volume > 0)
    opens, closes = tape.price[opening[held]] / scale, tape.price[closing[held]] / scale
    cell, begins, number = tape.cell[groups][held], start[groups][held], number[held]
    last = np.append(groups[1:], len(start))[held] - 1
    high, low = high[held] / scale, low[held] / scale
    return Bars(cell, begins, opens, high, low, closes, volume, vwap.round(6), number, last)


def day_counts(tape: Tape) -> rules.Counts:
    """What each trade updates in its day's bar."""
    return _counts(tape, np.zeros(len(tape.time), bool))


def _counts(tape: Tape, extended: NDArray[np.bool_]) -> rules.Counts:
    """What each trade updates. Only stock trades have conditions whose rules are known."""
    if tape.asset_class is not AssetClass.STOCKS:
        every = np.ones(len(tape.time), bool)
        return rules.Counts(every, every, every)
    stands = np.isin(tape.correction, rules.COUNTED_CORRECTIONS)
    regular, outside = rules.REGULAR, rules.EXTENDED
    which = tape.combination
    high_low = np.where(extended, outside.high_low[which], regular.high_low[which]) & stands
    open_close = np.where(extended, outside.open_close[which], regular.open_close[which]) & stands
    return rules.Counts(high_low, open_close, regular.volume[which] & stands)


FRAME = pl.Schema(
    {
        "ticker": pl.String(),
        "window_start": pl.Int64(),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
        "vwap": pl.Float64(),
        "transactions": pl.Int64(),
        "session_date": pl.Date(),
    }
)
"""Bars as a table: REST spelling, `window_start` in ns UTC, sorted by ticker bytes, then time."""


def bars_frame(bars: Bars, tickers: list[str], days: Ints, starts: Ints | None = None) -> pl.DataFrame:
    """Bars as a `FRAME`. `tickers`, `days` (since 1970) and, for day bars, `starts` (ns) have one element a cell."""
    values = {
        "ticker": pl.Series(tickers, dtype=pl.String()).gather(bars.cell),
        "window_start": bars.start if starts is None else starts[bars.cell],
        "open": bars.open,
        "high": bars.high,
        "low": bars.low,
        "close": bars.close,
        "volume": bars.volume,
        "vwap": pl.Series(bars.vwap).fill_nan(None),
        "transactions": bars.transactions,
        "session_date": pl.Series(days[bars.cell]).cast(pl.Int32()).cast(pl.Date()),
    }
    return pl.DataFrame(values).cast(FRAME)
