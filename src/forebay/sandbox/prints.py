"""Trades as tables: the columns of the vendor's trade and value files, from a tape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from forebay.model.instrument import AssetClass
from forebay.sandbox import rules
from forebay.sandbox.cells import Cell
from forebay.sandbox.futures import EXCHANGES
from forebay.sandbox.noise import Ints, uniform
from forebay.sandbox.trades import PRICE_UNIT, SIZE_UNIT, Tape

_VENUES = np.array([4, 4, 4, 12, 12, 11, 8, 7, 19, 10, 21, 15])
_OFF_EXCHANGE = 4
_AUCTION_VENUE = np.array([12, 10, 1, 12])
"""By tape: where the auctions of its names are held."""
_OPTION_CONDITIONS = np.array(["209", "227", "232", "233"])
_CRYPTO_VENUES = np.array([1, 2, 6, 23])


def prints_frame(tape: Tape) -> pl.DataFrame:
    """One row a trade, sorted by cell and time, with every column the asset class has in a file."""
    tickers = pl.Series([cell.ticker for cell in tape.cells.cells], dtype=pl.String())
    common = {
        "ticker": tickers.gather(tape.cell),
        "price": tape.price / PRICE_UNIT[tape.asset_class],
        "size": tape.size / SIZE_UNIT,
        "correction": tape.correction,
        "sip_timestamp": tape.time,
    }
    if tape.asset_class is AssetClass.STOCKS:
        return pl.DataFrame({**common, **_stock_columns(tape)})
    if tape.asset_class is AssetClass.FUTURES:
        return pl.DataFrame({**common, **_futures_columns(tape)})
    draw = uniform(tape.cells.key[tape.cell], tape.index, 30)
    if tape.asset_class is AssetClass.OPTIONS:
        conditions = _OPTION_CONDITIONS[(draw * 4).astype(np.int64)]
        return pl.DataFrame({**common, "conditions": conditions, "exchange": 300 + (draw * 17).astype(np.int64)})
    if tape.asset_class is AssetClass.INDICES:
        return pl.DataFrame({"ticker": common["ticker"], "value": common["price"], "timestamp": tape.time})
    crypto = {
        "conditions": np.where(draw < 0.5, "1", "2"),  # noqa: PLR2004
        "exchange": _CRYPTO_VENUES[(draw * 4).astype(np.int64)],
        "id": tape.index + 1,
        "participant_timestamp": tape.time,
    }
    return pl.DataFrame({**common, **crypto}).with_columns(pl.col("id").cast(pl.String()))


def _stock_columns(tape: Tape) -> dict[str, object]:
    keys = tape.cells.key[tape.cell]
    draw = uniform(keys, tape.index, 31)
    exchange = _VENUES[(draw * len(_VENUES)).astype(np.int64)]
    number = tape.index + 1
    tapes = tape.cells.tape[tape.cell]
    exchange = np.where(tape.role > 0, _AUCTION_VENUE[tapes], exchange)
    _share_pairs(tape.correction, exchange, number)
    reported = exchange == _OFF_EXCHANGE
    delay = (20_000 + draw * 900_000).astype(np.int64)
    texts = pl.Series([",".join(map(str, one)) for one in rules.COMBINATIONS], dtype=pl.String())
    return {
        "conditions": texts.gather(tape.combination),
        "exchange": exchange,
        "id": pl.Series(number).cast(pl.String()),
        "participant_timestamp": tape.time - delay,
        "sequence_number": 1000 + tape.index * 13 + (draw * 13).astype(np.int64),
        "tape": tapes,
        "trf_id": np.where(reported, 201 + (draw * 1e6).astype(np.int64) % 2, 0),
        "trf_timestamp": np.where(reported, tape.time - delay // 2, 0),
    }


def _futures_columns(tape: Tape) -> dict[str, object]:
    venues = pl.Series([EXCHANGES[cell.instrument.venue] for cell in tape.cells.cells], dtype=pl.Int64())
    return {
        "timestamp": tape.time,
        "sequence_number": 1003 + tape.index * 7,
        "report_sequence": tape.index + 1,
        "exchange": venues.gather(tape.cell),
        "session_end_date": pl.Series(tape.cells.day[tape.cell]).cast(pl.Int32()).cast(pl.Date()),
    }


def futures_bars(bars: pl.DataFrame, cells: Sequence[Cell]) -> pl.DataFrame:
    """The bars of one venue, whose cells these are, out of all; with the columns that only futures have."""
    venues = {cell.ticker: EXCHANGES[cell.instrument.venue] for cell in cells}
    return bars.filter(pl.col("ticker").is_in(list(venues))).with_columns(
        pl.col("ticker").replace_strict(venues, return_dtype=pl.Int64()).alias("exchange"),
        pl.col("session_date").alias("session_end_date"),
        (pl.col("vwap") * pl.col("volume")).round(2).alias("dollar_volume"),
    )


def _share_pairs(correction: Ints, *columns: Ints) -> None:
    """A cancel, error or correction record shares exchange and id with the trade before it; changes `columns`."""
    places = np.flatnonzero(np.isin(correction, (10, 11, 12)))
    for column in columns:
        column[places] = column[places - 1]
