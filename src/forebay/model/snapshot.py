"""A snapshot: what the vendor says of one ticker at one moment, and how far that is to be believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from forebay.model.catalogue import LAKE_DATASETS, Dataset, Kind
from forebay.model.instrument import AssetClass

SNAPSHOTS = "snapshots"
"""Second half of the tables' names, and the destination of the tasks and their coverage."""
SHOWN_CLASSES = (AssetClass.STOCKS, AssetClass.CRYPTO, AssetClass.FOREX)
"""The classes whose tickers the vendor shows by name, many at once."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Prices:
    """A day, or the newest minute. In today's shares."""

    open: float
    high: float
    low: float
    close: float
    volume: float | None = None
    vwap: float | None = None
    transactions: int | None = None
    """Of minutes alone, as is `start`."""
    start: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastTrade:
    """The last trade that the plan shows."""

    price: float
    size: float | None
    time: int
    """Unix nanoseconds, as of all ticks."""
    exchange: int | None = None
    id: str = ""
    conditions: str = ""
    """Numbers with a comma between them, as in flat files."""


@dataclass(frozen=True, slots=True)
class LastQuote:
    """The best bid and offer that the plan shows; sizes in lots. A side without a quote is None."""

    bid: float | None
    bid_size: float | None
    ask: float | None
    ask_size: float | None
    time: int
    """Unix nanoseconds."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One ticker as the vendor showed it. What it showed as zeros, for want of a trade, is None."""

    ticker: str
    asset_class: AssetClass
    asked_at: datetime
    """UTC."""
    delay: timedelta
    """How far behind the plan's data are."""
    updated: int | None = None
    """Unix nanoseconds; the vendor's own word."""
    day: Prices | None = None
    """The session so far; None from 03:30 Eastern, when the vendor clears it, to the first trade."""
    minute: Prices | None = None
    previous: Prices | None = None
    """The session before."""
    trade: LastTrade | None = None
    quote: LastQuote | None = None
    change: float | None = None
    """Against the close of the session before."""
    change_percent: float | None = None
    fair_value: float | None = None
    """The vendor's estimate, on business plans alone."""
    accumulated_volume: float | None = None
    otc: bool = False
    """Traded over the counter: no exchange reports its trades and quotes."""
    fault: str = ""
    """Why the vendor's row could not be read; then there is nothing else in it."""

    @property
    def moment(self) -> datetime | None:
        """The newest instant that anything in it bears (UTC); None when nothing does."""
        return max(self._instants(), default=None)

    @property
    def dataset(self) -> Dataset:
        """The bars of its class: their calendar and zone are those of its days."""
        return days_of(self.asset_class)

    @property
    def session_date(self) -> date:
        """The date that it is of, in its market's zone."""
        return (self.moment or self.asked_at).astimezone(ZoneInfo(self.dataset.timezone)).date()

    def _instants(self) -> Iterator[datetime]:
        for nanos in (self.updated, self.trade and self.trade.time, self.quote and self.quote.time):
            if nanos:
                yield _EPOCH + timedelta(microseconds=nanos // 1000)
        if self.minute and self.minute.start:
            yield self.minute.start


class SnapshotVerdict(StrEnum):
    """What a snapshot is good for, the best first."""

    GOOD = "good"
    EMPTY = "empty"
    """There is no price of the day yet, and need not be one."""
    STALE = "stale"
    """Older than it should be in this hour: the ticker is quiet, or the vendor late."""
    INCOMPLETE = "incomplete"
    """Without the trade or the quote that the plan has."""
    SUSPECT = "suspect"
    """It contradicts itself or the clock."""
    ABSENT = "absent"
    """The market is open and the vendor says nothing of the ticker: unknown, delisted, or not traded today."""

    @property
    def fails(self) -> bool:
        """Whether whoever asked has not got what he asked for; to be early, or of a quiet ticker, is no failure."""
        return self in (SnapshotVerdict.INCOMPLETE, SnapshotVerdict.SUSPECT, SnapshotVerdict.ABSENT)


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of asking for one ticker's snapshot."""

    ticker: str
    verdict: SnapshotVerdict
    reasons: tuple[str, ...]
    """Why it is not good, each with its evidence."""
    snapshot: Snapshot | None
    """None when the vendor has none."""


def days_of(asset_class: AssetClass) -> Dataset:
    """The dataset whose calendar and zone are those of a class's snapshots."""
    return LAKE_DATASETS[f"{asset_class}/{Kind.BARS_1M}"]


def snapshots_table(asset_class: AssetClass) -> str:
    """Where the lake keeps those of a class: `stocks/snapshots`."""
    return f"{asset_class}/{SNAPSHOTS}"
