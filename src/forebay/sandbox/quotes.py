"""Quotes as tables: the columns of the vendor's quote files. One quote goes just before each trade of the tape."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from forebay.model.instrument import AssetClass
from forebay.sandbox.futures import EXCHANGES
from forebay.sandbox.noise import Floats, Ints, uniform
from forebay.sandbox.trades import PRICE_UNIT, Tape

_BEFORE = 1_000
"""Nanoseconds from a quote to its trade."""
_TICK = {AssetClass.STOCKS: 100, AssetClass.OPTIONS: 1, AssetClass.FOREX: 1, AssetClass.FUTURES: 5}
"""The least step of a price, in `PRICE_UNIT` parts."""
_WIDEST, _DEEPEST = 3, 20
"""Steps from the trade's price to a side, and round lots (contracts) on a side, at most."""
_ONE_SIDED = 0.002
"""Share of quotes without an ask, and as many without a bid."""
_SHARES_FROM = (date(2025, 11, 3) - date(1970, 1, 1)).days
"""Stock sizes are shares from this session on, round lots before (flat files, section 3)."""
_ROUND_LOT = 100
_VENUES = np.array([4, 8, 10, 11, 12, 15, 19, 21])
_OPTION_VENUES = 300
_FOREX_VENUE = 48
_CONDITIONS = pl.Series(["1", "1,81", None, "1,84"], dtype=pl.String())
_INDICATORS = pl.Series([None, "604", None, "602,604"], dtype=pl.String())


def quotes_frame(tape: Tape) -> pl.DataFrame:
    """One row a quote, sorted by cell and time, with every column the asset class has in a file."""
    keys, stamp = tape.cells.key[tape.cell], tape.time - _BEFORE
    draw, more = uniform(keys, tape.index, 40), uniform(keys, tape.index, 41)
    tickers = pl.Series([cell.ticker for cell in tape.cells.cells], dtype=pl.String())
    common: dict[str, object] = {"ticker": tickers.gather(tape.cell), **_sides(tape, draw, more)}
    if tape.asset_class is AssetClass.FUTURES:
        return _futures(tape, common, stamp)
    if tape.asset_class is AssetClass.FOREX:
        venues = dict.fromkeys(("ask_exchange", "bid_exchange"), pl.lit(_FOREX_VENUE, pl.Int64()))
        return pl.DataFrame({**common, "participant_timestamp": stamp}).with_columns(**venues)
    return pl.DataFrame({**common, **_venues(tape, draw, more), **_stamps(tape, draw, stamp)})


def _sides(tape: Tape, draw: Floats, more: Floats) -> dict[str, Floats | Ints]:
    """Prices and sizes of both sides; zero where a side has no quote."""
    tick, unit = _TICK[tape.asset_class], PRICE_UNIT[tape.asset_class]
    ask = tape.price + tick * (1 + (draw * _WIDEST).astype(np.int64))
    bid = np.maximum(tape.price - tick * (1 + (more * _WIDEST).astype(np.int64)), 0)
    lot = np.where(tape.cells.day[tape.cell] >= _SHARES_FROM, _ROUND_LOT, 1)
    lot = lot if tape.asset_class is AssetClass.STOCKS else np.ones_like(lot)
    has_ask, has_bid = draw >= _ONE_SIDED, (more >= _ONE_SIDED) & (bid > 0)
    return {
        "ask_price": np.where(has_ask, ask, 0) / unit,
        "ask_size": np.where(has_ask, lot * (1 + (more * _DEEPEST).astype(np.int64)), 0),
        "bid_price": np.where(has_bid, bid, 0) / unit,
        "bid_size": np.where(has_bid, lot * (1 + (draw * _DEEPEST).astype(np.int64)), 0),
    }


def _venues(tape: Tape, draw: Floats, more: Floats) -> dict[str, Ints]:
    asks, bids = ((part * len(_VENUES)).astype(np.int64) for part in (draw, more))
    if tape.asset_class is AssetClass.OPTIONS:
        return {"ask_exchange": _OPTION_VENUES + asks, "bid_exchange": _OPTION_VENUES + bids}
    return {"ask_exchange": _VENUES[asks], "bid_exchange": _VENUES[bids]}


def _stamps(tape: Tape, draw: Floats, stamp: Ints) -> dict[str, object]:
    """What stocks and options say of the message; conditions and indicators are lists in one field, or empty."""
    stamps: dict[str, object] = {"sequence_number": 1000 + tape.index * 7, "sip_timestamp": stamp}
    if tape.asset_class is AssetClass.STOCKS:
        kind = (draw * 64).astype(np.int64) % 4
        stamps |= {
            "conditions": _CONDITIONS.gather(kind),
            "indicators": _INDICATORS.gather(kind),
            "participant_timestamp": stamp - 20_000 - (draw * 300_000).astype(np.int64),
            "tape": tape.cells.tape[tape.cell],
            "trf_timestamp": np.zeros_like(stamp),
        }
    return stamps


def _futures(tape: Tape, common: dict[str, object], stamp: Ints) -> pl.DataFrame:
    """A side without a quote is empty there, not zero."""
    venues = pl.Series([EXCHANGES[cell.instrument.venue] for cell in tape.cells.cells], dtype=pl.Int64())
    stamps = dict.fromkeys(("timestamp", "ask_timestamp", "bid_timestamp"), stamp)
    rows = pl.DataFrame(
        {
            **common,
            **stamps,
            "sequence_number": 1000 + tape.index * 7,
            "report_sequence": tape.index + 1,
            "exchange": venues.gather(tape.cell),
            "session_end_date": pl.Series(tape.cells.day[tape.cell]).cast(pl.Int32()).cast(pl.Date()),
        }
    )
    empty = [
        pl.when(pl.col(f"{side}_size") > 0).then(pl.col(f"{side}_{name}")).alias(f"{side}_{name}")
        for side in ("ask", "bid")
        for name in ("timestamp", "price", "size")
    ]
    return rows.with_columns(empty)
