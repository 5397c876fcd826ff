"""The objects of csv.lzo archives as the ledger knows them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from forebay.ledger.coverage import CoverageBook
from forebay.model.csv_lzo import bar_archive
from forebay.model.instrument import AssetClass
from forebay.sinks.csv_lzo.series import Series


@dataclass(frozen=True, slots=True)
class BarObject:
    """One object."""

    place: str
    """The archive's address."""
    key: str
    rows: int
    bytes: int
    sha256: str
    tags: dict[str, str]


def bar_objects(coverage: CoverageBook, tickers: Collection[str] | None = None) -> Iterator[BarObject]:
    """Every object that was stored and not replaced since, by place, ticker and date. Raises LedgerError."""
    for destination in coverage.destinations():
        archive, seen = bar_archive(destination), set[str]()
        if archive is None:
            continue
        for row in coverage.find(destination, symbols=tickers, limit=None):
            details = row.evidence.details
            asset_class, _, timeframe = row.partition.table.partition("/bars_")
            names = (details.get("exchange", ""), details.get("currency", ""))
            series = Series(row.partition.symbol, AssetClass(asset_class), timeframe, *names)
            for each in details.get("objects", ()):
                if each["key"] not in seen:  # one that covers everything is in several rows
                    seen.add(each["key"])
                    tags = series.tags(date.fromisoformat(each["date"]))
                    yield BarObject(archive.address, each["key"], each["rows"], each["bytes"], each["sha256"], tags)
