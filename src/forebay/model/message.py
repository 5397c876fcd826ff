"""What is sent on to Kafka, TimescaleDB and Redis: one bar, trade, quote, value or snapshot, in one versioned form.

Times are Unix milliseconds, UTC, as the vendor's stream has them; prices are raw, in the quoted currency.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from forebay.model.instrument import AssetClass
from forebay.model.partition import Source
from forebay.model.registry import Phase

VERSION = 1
"""Of this form. A field may be added under the same number; one that goes, or means something else, is another."""


class BarMessage(Struct, frozen=True, gc=False, tag_field="kind", tag="bar"):
    """One bar. A later one with its symbol, timeframe and timestamp takes its place, unless of a lesser source."""

    symbol: str
    asset_class: AssetClass
    timeframe: str
    """`1s`, `1m`, `1d`."""
    timestamp: int
    """When its window starts."""
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    vwap: float | None
    transactions: int | None
    """The stream does not say."""
    source: Source
    phase: Phase
    version: int = VERSION


class TradeMessage(Struct, frozen=True, gc=False, tag_field="kind", tag="trade"):
    """One trade as the stream reports it."""

    symbol: str
    asset_class: AssetClass
    timestamp: int
    price: float
    size: float
    exchange: int | None = None
    id: str = ""
    conditions: tuple[int, ...] = ()
    sequence: int | None = None
    tape: int | None = None
    participant_timestamp: int | None = None
    version: int = VERSION


class QuoteMessage(Struct, frozen=True, gc=False, tag_field="kind", tag="quote"):
    """One quote as the stream reports it; a side without a quote is null."""

    symbol: str
    asset_class: AssetClass
    timestamp: int
    bid: float | None
    ask: float | None
    bid_size: float | None = None
    ask_size: float | None = None
    bid_exchange: int | None = None
    ask_exchange: int | None = None
    sequence: int | None = None
    version: int = VERSION


class ValueMessage(Struct, frozen=True, gc=False, tag_field="kind", tag="value"):
    """The value of an index."""

    symbol: str
    asset_class: AssetClass
    timestamp: int
    value: float
    version: int = VERSION


class SnapshotMessage(Struct, frozen=True, tag_field="kind", tag="snapshot"):
    """A judged snapshot: `fields` are the columns of the lake's table of snapshots, times in milliseconds."""

    symbol: str
    asset_class: AssetClass
    timestamp: int
    """When it was asked for."""
    verdict: str
    fields: dict[str, Any]
    version: int = VERSION


Message = BarMessage | TradeMessage | QuoteMessage | ValueMessage | SnapshotMessage
