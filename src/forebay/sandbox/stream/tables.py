"""What goes out in a span of time, as numbers: one table a channel, sorted by when its events go out.

Every table has `out` (ns UTC, when the event goes out), `symbol` (as on the wire), `start` (ns UTC, of what it tells
of) and `flaw` (null, or the kind of fault that spoils the event's text).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from forebay.sandbox.bars import MINUTE, SECOND, Bars, day_counts, window_bars
from forebay.sandbox.cells import Cell
from forebay.sandbox.market import Market
from forebay.sandbox.prints import prints_frame
from forebay.sandbox.quotes import quotes_frame
from forebay.sandbox.stream.channels import Content, wire_symbol
from forebay.sandbox.trades import PRICE_UNIT, SIZE_UNIT, Tape

LATE_TRADES = 2 * SECOND
"""Second bars wait so long for late trades; minute bars go out as they end."""
_RECORDS = (10, 11, 12)
"""Corrections of an earlier trade. The stream tells of trades, never of what became of them."""
_QUOTED_BEFORE = 1_000
"""Nanoseconds from a quote to the trade it is made from."""
_LENGTHS = {Content.MINUTES: MINUTE, Content.SECONDS: SECOND}
_WAITS = {Content.MINUTES: 0, Content.SECONDS: LATE_TRADES}

Tables = dict[Content, pl.DataFrame]


def tables(market: Market, cells: Sequence[Cell], low: int, high: int, contents: Collection[Content]) -> Tables:
    """What goes out in `[low, high)`, both whole minutes, of `cells`, which are of one asset class."""
    found: dict[Content, list[pl.DataFrame]] = {content: [] for content in contents}
    for tape in market.tapes(cells, high + SECOND):
        for content, held in found.items():
            held.append(_table(tape, content, low, high))
    return {content: pl.concat(held).sort("out", maintain_order=True) for content, held in found.items() if held}


def _table(tape: Tape, content: Content, low: int, high: int) -> pl.DataFrame:
    length, wait = _LENGTHS.get(content, 0), _WAITS.get(content, 0)
    lasts = length + wait
    ends = high - wait if content in _LENGTHS else high + _QUOTED_BEFORE
    keep = (tape.time >= low - lasts) & (tape.time < ends)
    if content in _LENGTHS:
        frame = _bars(tape, keep, length).with_columns(out=pl.col("start") + lasts)
    elif content is Content.TRADES:
        keep &= ~np.isin(tape.correction, _RECORDS)
        frame = _stamped(prints_frame(tape.only(keep)))
    else:
        frame = _stamped(quotes_frame(tape.only(keep)))
    names = {cell.ticker: wire_symbol(tape.asset_class, cell.ticker) for cell in tape.cells.cells}
    symbol = pl.col("ticker").replace_strict(names, return_dtype=pl.String())
    frame = frame.with_columns(symbol=symbol, flaw=pl.lit(None, pl.String()))
    return frame.filter(pl.col("out").is_between(low, high, closed="left"))


def _stamped(frame: pl.DataFrame) -> pl.DataFrame:
    names = ("sip_timestamp", "timestamp", "participant_timestamp")
    stamp = next(name for name in names if name in frame.columns)
    return frame.with_columns(start=pl.col(stamp), out=pl.col(stamp))


def _bars(tape: Tape, keep: np.ndarray, length: int) -> pl.DataFrame:
    """Bars of the kept trades, with the day so far: its volume, VWAP and first price."""
    places = np.flatnonzero(keep)
    bars = window_bars(tape.only(keep), length)
    so_far = _day_so_far(tape, bars, places[bars.last])
    tickers = pl.Series([cell.ticker for cell in tape.cells.cells], dtype=pl.String())
    values = {
        "ticker": tickers.gather(bars.cell),
        "start": bars.start,
        "open": bars.open,
        "high": bars.high,
        "low": bars.low,
        "close": bars.close,
        "units": np.rint(bars.volume * SIZE_UNIT).astype(np.int64),
        "vwap": pl.Series(bars.vwap).fill_nan(None),
        "transactions": bars.transactions,
        "session_date": pl.Series(tape.cells.day[bars.cell]).cast(pl.Int32()).cast(pl.Date()),
        **so_far,
    }
    return pl.DataFrame(values)


def _day_so_far(tape: Tape, bars: Bars, last: np.ndarray) -> dict[str, object]:
    """`day_units`, `day_vwap` and `day_open` (null before there is one) after the trade at `last`, one for each bar."""
    counts, scale = day_counts(tape), PRICE_UNIT[tape.asset_class]
    units = np.where(counts.volume, tape.size, 0)
    paid = np.cumsum(np.where(counts.volume, tape.price * (tape.size / SIZE_UNIT), 0.0))
    summed = np.cumsum(units)
    firsts = np.searchsorted(tape.cell, np.arange(len(tape.cells.cells)))
    before_units, before_paid = np.append(0, summed)[firsts], np.append(0.0, paid)[firsts]
    day_units = summed[last] - before_units[bars.cell]
    shares = np.maximum(day_units, 1) / SIZE_UNIT
    vwap = np.where(day_units > 0, (paid[last] - before_paid[bars.cell]) / scale / shares, np.nan)
    opening = np.full(len(tape.cells.cells), len(tape.time))
    eligible = np.flatnonzero(counts.open_close)[::-1]
    opening[tape.cell[eligible]] = eligible  # the earliest of a cell is written last
    opens = opening[bars.cell]
    price = np.append(tape.price, 0)[opens] / scale
    return {
        "day_units": day_units,
        "day_vwap": pl.Series(vwap.round(4)).fill_nan(None),
        "day_open": pl.Series(np.where(opens <= last, price, np.nan)).fill_nan(None),
    }
