"""Rows of the lake as the messages that sinks take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from forebay.model.instrument import AssetClass
from forebay.model.message import BarMessage, SnapshotMessage
from forebay.model.partition import Source
from forebay.model.registry import Phase

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_BAR = ("ticker", "millis", "open", "high", "low", "close", "volume", "vwap", "transactions", "source")


def bar_messages(bars: pl.DataFrame, asset_class: AssetClass, timeframe: str) -> Iterator[BarMessage]:
    """Bars in BAR_ROWS columns, in their order."""
    sources = {str(source): source for source in Source}
    rows = bars.with_columns(millis=pl.col("window_start").dt.epoch("ms")).select(_BAR)
    for ticker, millis, opened, high, low, close, volume, vwap, trades, source in rows.iter_rows():
        yield BarMessage(
            ticker,
            asset_class,
            timeframe,
            millis,
            opened,
            high,
            low,
            close,
            volume,
            vwap,
            trades,
            sources[source],
            Phase.BACKFILL,
        )


def snapshot_messages(rows: pl.DataFrame, asset_class: AssetClass) -> Iterator[SnapshotMessage]:
    """Snapshots in SNAPSHOT_ROWS columns. What a snapshot lacks is left out of its fields."""
    for row in rows.iter_rows(named=True):
        ticker, asked_at, verdict = row.pop("ticker"), row.pop("asked_at"), row.pop("verdict")
        yield SnapshotMessage(ticker, asset_class, _millis(asked_at), verdict, _fields(row))


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _millis(value)
    return value.isoformat() if isinstance(value, date) else value


def _millis(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
