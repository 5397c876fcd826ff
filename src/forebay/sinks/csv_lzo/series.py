"""What an object of the archive is called, and what its tags say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from forebay.model.instrument import AssetClass, encode_name

SOURCE = "polygon"
QUALITY = "raw"
"""Prices as they were published, not adjusted."""
TAGS = ("asset_type", "symbol", "source", "exchange", "currency", "timeframe", "date", "quality")
NONE = "none"
"""Stands for an exchange or currency that the reference data do not name, as of a crypto pair."""
_SIZES = {"1m": "1min", "5m": "5min", "15m": "15min", "1h": "1hour", "1d": "1day"}
_EXCHANGES = {
    "XNAS": "NASDAQ",
    "XNYS": "NYSE",
    "XASE": "NYSE American",
    "ARCX": "NYSE Arca",
    "XCHI": "NYSE Chicago",
    "BATS": "Cboe BZX",
    "IEXG": "IEX",
    "XCBO": "Cboe",
}
"""Market identifier codes (ISO 10383) to the names that people use; another code stands for itself."""


@dataclass(frozen=True, slots=True)
class Series:
    """One ticker's bars of one size, and what the reference data say of the ticker."""

    ticker: str
    asset_class: AssetClass
    timeframe: str
    exchange: str = ""
    """MIC of the primary exchange; empty where the reference data name none."""
    currency: str = ""

    @property
    def folder(self) -> str:
        """What the keys of all its objects begin with. Bars of other sizes than a minute have a folder of their own."""
        size = "" if self.timeframe == "1m" else f"{_SIZES[self.timeframe]}/"
        return f"{size}{self.asset_class}/{encode_name(self.ticker)}/{SOURCE}/"

    def key(self, start: datetime) -> str:
        """The object whose window begins at `start` (UTC). Keys sort by time."""
        return f"{self.folder}{start:%Y/%m/%d/%H}/{self.file_name(start)}.lzo"

    def file_name(self, start: datetime) -> str:
        """What the object is called once it is unpacked."""
        return f"{encode_name(self.ticker)}_{SOURCE}_{start:%Y%m%d%H%M}.csv"

    def tags(self, day: date) -> dict[str, str]:
        """The eight tags of an object; `day` is its session date, of several the first."""
        return {
            "asset_type": self.asset_class.value,
            "symbol": self.ticker,
            "source": SOURCE,
            "exchange": _EXCHANGES.get(self.exchange, self.exchange) or NONE,
            "currency": self.currency.upper() or NONE,
            "timeframe": _SIZES[self.timeframe],
            "date": day.isoformat(),
            "quality": QUALITY,
        }
