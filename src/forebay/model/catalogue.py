"""What the vendor publishes, as rows of data. A dataset differs from another by a row here, not by code.

Facts: the vendor's flat-file pages (prefixes, columns, first dates, publication) and its time conventions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from types import MappingProxyType

from forebay.model.instrument import AssetClass


class Kind(StrEnum):
    """What one row of a dataset is; also the second half of a table's name."""

    BARS_1D = "bars_1d"
    BARS_1M = "bars_1m"
    TRADES = "trades"
    QUOTES = "quotes"
    VALUES = "values"


BARS = (Kind.BARS_1D, Kind.BARS_1M)


class Column(StrEnum):
    """The type of a CSV column. `NANOS` is Unix nanoseconds, UTC."""

    TEXT = "text"
    FLOAT = "float"
    INT = "int"
    NANOS = "nanos"


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of the vendor's flat files: one gzip CSV per session date, all tickers in it."""

    prefix: str
    """First part of its keys: `us_stocks_sip`."""
    folder: str
    """Second part of its keys: `minute_aggs_v1`."""
    asset_class: AssetClass
    kind: Kind
    columns: Mapping[str, Column] = field(hash=False)
    """Header name to type, in file order."""
    calendar: str
    """Which days have a file: a name `forebay.model.calendar` knows."""
    timezone: str
    """The zone whose midnight starts a session date."""
    first_date: date
    """The first session date the vendor has."""
    venue: str = ""
    """Where it is traded, for classes that have a prefix for each venue: `cme`."""
    optional: frozenset[str] = frozenset()
    """Number columns that may be empty in a row; in all others an empty field is a fault."""

    @property
    def name(self) -> str:
        """How users and the ledger call it: `us_stocks_sip/minute_aggs_v1`."""
        return f"{self.prefix}/{self.folder}"

    @property
    def table(self) -> str:
        """The table its rows belong to, one for each dataset: `stocks/bars_1m`, `futures_cme/bars_1m`."""
        return f"{self.asset_class}{self.venue and '_' + self.venue}/{self.kind}"

    @property
    def by_rest(self) -> bool:
        """Whether REST can bring it too: day and minute bars, those of futures apart. The rest comes as files alone."""
        return self.kind in BARS and self.asset_class is not AssetClass.FUTURES

    def key(self, day: date) -> str:
        """The object's key in the vendor's bucket: `us_stocks_sip/minute_aggs_v1/2024/03/2024-03-07.csv.gz`."""
        return f"{self.name}/{day:%Y/%m}/{day.isoformat()}.csv.gz"

    def day_of(self, key: str) -> date | None:
        """The session date of one of this dataset's keys; None when the key is not of that form."""
        stem = key.rsplit("/", 1)[-1].removesuffix(".csv.gz")
        try:
            day = date.fromisoformat(stem)
        except ValueError:
            return None
        return day if key == self.key(day) else None


FLATFILES_BUCKET = "flatfiles"
PUBLISHED_BY = time(11, 0)
"""New York time on the day after a session by which the vendor calls publication normal."""

_BARS = {
    "ticker": Column.TEXT,
    "volume": Column.FLOAT,
    "open": Column.FLOAT,
    "close": Column.FLOAT,
    "high": Column.FLOAT,
    "low": Column.FLOAT,
    "window_start": Column.NANOS,
    "transactions": Column.INT,
}
_INDEX_BARS = {name: kind for name, kind in _BARS.items() if name not in ("volume", "transactions")}
_INDEX_VALUES = {"ticker": Column.TEXT, "value": Column.FLOAT, "timestamp": Column.NANOS}
_STOCK_TRADES = {
    "ticker": Column.TEXT,
    "conditions": Column.TEXT,
    "correction": Column.INT,
    "exchange": Column.INT,
    "id": Column.TEXT,
    "participant_timestamp": Column.NANOS,
    "price": Column.FLOAT,
    "sequence_number": Column.INT,
    "sip_timestamp": Column.NANOS,
    "size": Column.FLOAT,
    "tape": Column.INT,
    "trf_id": Column.INT,
    "trf_timestamp": Column.NANOS,
}
_OPTION_TRADES = {
    "ticker": Column.TEXT,
    "conditions": Column.TEXT,
    "correction": Column.INT,
    "exchange": Column.INT,
    "price": Column.FLOAT,
    "sip_timestamp": Column.NANOS,
    "size": Column.INT,
}
_CRYPTO_TRADES = {
    "ticker": Column.TEXT,
    "conditions": Column.TEXT,
    "exchange": Column.INT,
    "id": Column.TEXT,
    "participant_timestamp": Column.NANOS,
    "price": Column.FLOAT,
    "size": Column.FLOAT,
}
_STOCK_QUOTES = {
    "ticker": Column.TEXT,
    "ask_exchange": Column.INT,
    "ask_price": Column.FLOAT,
    "ask_size": Column.INT,
    "bid_exchange": Column.INT,
    "bid_price": Column.FLOAT,
    "bid_size": Column.INT,
    "conditions": Column.TEXT,
    "indicators": Column.TEXT,
    "participant_timestamp": Column.NANOS,
    "sequence_number": Column.INT,
    "sip_timestamp": Column.NANOS,
    "tape": Column.INT,
    "trf_timestamp": Column.NANOS,
}
_OPTION_QUOTES = {
    "ticker": Column.TEXT,
    "ask_exchange": Column.INT,
    "ask_price": Column.FLOAT,
    "ask_size": Column.INT,
    "bid_exchange": Column.INT,
    "bid_price": Column.FLOAT,
    "bid_size": Column.INT,
    "sequence_number": Column.INT,
    "sip_timestamp": Column.NANOS,
}
_FOREX_QUOTES = {
    "ticker": Column.TEXT,
    "ask_exchange": Column.INT,
    "ask_price": Column.FLOAT,
    "bid_exchange": Column.INT,
    "bid_price": Column.FLOAT,
    "participant_timestamp": Column.NANOS,
}
_FUTURES_BARS = {
    "ticker": Column.TEXT,
    "exchange": Column.INT,
    "session_end_date": Column.TEXT,
    "window_start": Column.NANOS,
    "open": Column.FLOAT,
    "high": Column.FLOAT,
    "low": Column.FLOAT,
    "close": Column.FLOAT,
    "volume": Column.FLOAT,
    "dollar_volume": Column.FLOAT,
    "transactions": Column.INT,
}
_FUTURES_TRADES = {
    "ticker": Column.TEXT,
    "timestamp": Column.NANOS,
    "sequence_number": Column.INT,
    "report_sequence": Column.INT,
    "price": Column.FLOAT,
    "size": Column.INT,
    "correction": Column.INT,
    "exchange": Column.INT,
    "session_end_date": Column.TEXT,
}
_FUTURES_QUOTES = {
    "ticker": Column.TEXT,
    "timestamp": Column.NANOS,
    "sequence_number": Column.INT,
    "report_sequence": Column.INT,
    "ask_timestamp": Column.NANOS,
    "ask_price": Column.FLOAT,
    "ask_size": Column.INT,
    "bid_timestamp": Column.NANOS,
    "bid_price": Column.FLOAT,
    "bid_size": Column.INT,
    "exchange": Column.INT,
    "session_end_date": Column.TEXT,
}

_ONE_SIDED = frozenset(f"{side}_{name}" for side in ("ask", "bid") for name in ("timestamp", "price", "size"))
"""Futures quotes alone leave a side without a quote empty; elsewhere it is 0 with size 0 (flat files, section 3)."""

_NEW_YORK, _CHICAGO, _UTC = "America/New_York", "America/Chicago", "UTC"

# asset class, prefix, calendar, zone of its session dates, first date
_FAMILIES = {
    AssetClass.STOCKS: ("us_stocks_sip", "XNYS", _NEW_YORK, date(2003, 9, 10)),
    AssetClass.OPTIONS: ("us_options_opra", "XNYS", _NEW_YORK, date(2014, 6, 2)),
    AssetClass.INDICES: ("us_indices", "XNYS", _CHICAGO, date(2023, 2, 14)),
    AssetClass.CRYPTO: ("global_crypto", "24/7", _UTC, date(2010, 1, 1)),
    AssetClass.FOREX: ("global_forex", "forex", _UTC, date(2009, 9, 25)),
    AssetClass.FUTURES: ("us_futures", "CMES", _CHICAGO, date(2017, 4, 3)),
}
FUTURES_VENUES = ("cme", "cbot", "comex", "nymex")
"""The exchanges of the CME Group; each has a prefix of its own, `us_futures_cme`, with the same four folders."""


def _dataset(
    asset_class: AssetClass, folder: str, kind: Kind, columns: dict[str, Column], first: date | None = None
) -> Dataset:
    prefix, calendar, timezone, first_date = _FAMILIES[asset_class]
    return Dataset(
        prefix, folder, asset_class, kind, MappingProxyType(columns), calendar, timezone, first or first_date
    )


def _futures(venue: str) -> tuple[Dataset, ...]:
    prefix, calendar, timezone, first_date = _FAMILIES[AssetClass.FUTURES]
    folders = (
        ("session_aggs_v1", Kind.BARS_1D, _FUTURES_BARS),
        ("minute_aggs_v1", Kind.BARS_1M, _FUTURES_BARS),
        ("trades_v1", Kind.TRADES, _FUTURES_TRADES),
        ("quotes_v1", Kind.QUOTES, _FUTURES_QUOTES),
    )
    return tuple(
        Dataset(
            prefix=f"{prefix}_{venue}",
            folder=folder,
            asset_class=AssetClass.FUTURES,
            kind=kind,
            columns=MappingProxyType(columns),
            calendar=calendar,
            timezone=timezone,
            first_date=first_date,
            venue=venue,
            optional=_ONE_SIDED if kind is Kind.QUOTES else frozenset(),
        )
        for folder, kind, columns in folders
    )


_STOCKS, _OPTIONS, _INDICES, _CRYPTO, _FOREX = (
    AssetClass.STOCKS,
    AssetClass.OPTIONS,
    AssetClass.INDICES,
    AssetClass.CRYPTO,
    AssetClass.FOREX,
)

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        dataset.name: dataset
        for dataset in (
            _dataset(_STOCKS, "day_aggs_v1", Kind.BARS_1D, _BARS),
            _dataset(_STOCKS, "minute_aggs_v1", Kind.BARS_1M, _BARS),
            _dataset(_STOCKS, "trades_v1", Kind.TRADES, _STOCK_TRADES),
            _dataset(_STOCKS, "quotes_v1", Kind.QUOTES, _STOCK_QUOTES),
            _dataset(_OPTIONS, "day_aggs_v1", Kind.BARS_1D, _BARS),
            _dataset(_OPTIONS, "minute_aggs_v1", Kind.BARS_1M, _BARS),
            _dataset(_OPTIONS, "trades_v1", Kind.TRADES, _OPTION_TRADES),
            _dataset(_OPTIONS, "quotes_v1", Kind.QUOTES, _OPTION_QUOTES, date(2022, 3, 7)),
            _dataset(_INDICES, "day_aggs_v1", Kind.BARS_1D, _INDEX_BARS),
            _dataset(_INDICES, "minute_aggs_v1", Kind.BARS_1M, _INDEX_BARS),
            _dataset(_INDICES, "values_v1", Kind.VALUES, _INDEX_VALUES),
            _dataset(_CRYPTO, "day_aggs_v1", Kind.BARS_1D, _BARS),
            _dataset(_CRYPTO, "minute_aggs_v1", Kind.BARS_1M, _BARS),
            _dataset(_CRYPTO, "trades_v1", Kind.TRADES, _CRYPTO_TRADES),
            _dataset(_FOREX, "day_aggs_v1", Kind.BARS_1D, _BARS),
            _dataset(_FOREX, "minute_aggs_v1", Kind.BARS_1M, _BARS),
            _dataset(_FOREX, "quotes_v1", Kind.QUOTES, _FOREX_QUOTES),
            *(dataset for venue in FUTURES_VENUES for dataset in _futures(venue)),
        )
    }
)
"""Every dataset by name, in the vendor's order."""

LAKE_DATASETS: Mapping[str, Dataset] = MappingProxyType({dataset.table: dataset for dataset in DATASETS.values()})
"""The same by table, one for each: `stocks/trades` to `us_stocks_sip/trades_v1`. The lake can hold all of them."""

BAR_DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {table: dataset for table, dataset in LAKE_DATASETS.items() if dataset.by_rest}
)
"""Day and minute bars by table, those of futures apart: what REST can bring too, and what files of one ticker hold."""
