"""What the lake holds of a day against the bars that the day's trades make."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from forebay.bars.compare import DIFFERS, EXTRA, MISSING, differences
from forebay.bars.sizes import ONE_DAY, ONE_MINUTE, Hours
from forebay.errors import UsageError
from forebay.lake.reading.reader import Lake
from forebay.ledger import Ledger
from forebay.model.coverage import Verdict
from forebay.model.feed import LAKE
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.rows import BAR_ROWS
from forebay.orchestration.trade_bars import Reading, TradeBars

DAYS, MINUTES = "stocks/bars_1d", "stocks/bars_1m"
EQUAL, NOT_HELD = "equal", "not held"
LATE_SHARE = 0.001
"""A day bar bears out the trades when its prices are theirs and its counts are theirs but for so much: late reports."""


@dataclass(frozen=True, slots=True)
class TickerCheck:
    """One ticker's held bars against its trades."""

    ticker: str
    minutes: int
    """Minute bars that its trades make."""
    missing: int
    extra: int
    differing: int
    fields: tuple[str, ...]
    """What differs, over all minutes."""
    day: str
    """Of its day bar: `equal`, `differs`, `missing`, `extra`; `not held` where the lake has no day bars of that day."""
    borne_out: bool | None
    """Whether the vendor's day bar agrees with the trades, so that they are all there; None where none is held."""

    @property
    def equal(self) -> bool:
        """Nothing differs in what is held."""
        return not (self.missing or self.extra or self.differing) and self.day in (EQUAL, NOT_HELD)


@dataclass(frozen=True, slots=True)
class DayCheck:
    """One day, compared."""

    day: date
    reading: Reading
    built: pl.DataFrame
    """Minute bars from trades."""
    held: pl.DataFrame
    """Minute bars of the same tickers in the lake."""
    apart: pl.DataFrame
    """Where these differ, as `forebay.bars.compare.differences` tells it."""
    tickers: tuple[TickerCheck, ...]
    """Sorted."""

    @property
    def equal(self) -> bool:
        """Nothing differs."""
        return all(each.equal for each in self.tickers)


@dataclass(frozen=True, slots=True)
class TradeCheck:
    """Compares; changes nothing."""

    trades: TradeBars
    lake: Lake
    ledger: Ledger

    def check(self, day: date, tickers: Collection[str] | None = None) -> DayCheck:
        """Compare `tickers`; None: all of the day if the lake is to hold it whole, else those that it holds.

        Raises UsageError for tickers that are no stocks, and what `TradeBars.bars` raises.
        """
        prove_stocks(tickers or ())
        Hours.on(day)
        wanted = set(tickers) if tickers else self._scope(day)
        reading, tables = self.trades.bars(day, (ONE_MINUTE, ONE_DAY), wanted)
        minutes, days = (pl.concat(parts) for parts in zip(*tables, strict=True))
        minutes, held = minutes.sort("ticker", "window_start"), self._held(MINUTES, day, wanted)
        apart = differences(minutes, held)
        return DayCheck(day, reading, minutes, held, apart, self._told(day, (minutes, days), apart, wanted, tickers))

    def compare(
        self, day: date, minutes: pl.DataFrame, days: pl.DataFrame, tickers: set[str]
    ) -> tuple[TickerCheck, ...]:
        """Compare what the lake holds of `tickers` with bars that were built from their trades."""
        apart = differences(minutes, self._held(MINUTES, day, tickers))
        return self._told(day, (minutes, days), apart, tickers, tickers)

    def _told(
        self,
        day: date,
        built: tuple[pl.DataFrame, pl.DataFrame],
        apart: pl.DataFrame,
        wanted: set[str] | None,
        asked: Collection[str] | None,
    ) -> tuple[TickerCheck, ...]:
        held_days = self._held(DAYS, day, wanted) if self._holds_any(DAYS, day) else None
        minutes, days = built
        return _by_ticker(minutes, apart, days, held_days, asked)

    def _scope(self, day: date) -> set[str] | None:
        span, known = Interval(day, day), [Verdict.COMPLETE, Verdict.SUSPECT]
        if self.ledger.coverage.find(LAKE, MINUTES, [ALL_SYMBOLS], span, verdicts=known):
            return None
        held = set(self._held(MINUTES, day, None)["ticker"])
        if not held:
            raise UsageError(
                f"the lake holds no minute bars of {day}",
                remedy="sync the day first, or name tickers with --tickers: theirs are then all missing",
            )
        return held

    def _held(self, table: str, day: date, tickers: set[str] | None) -> pl.DataFrame:
        """The lake's rows, sorted."""
        if table not in self.lake.tables():
            return BAR_ROWS.to_frame()
        named = sorted(tickers) if tickers is not None else None
        size = table.rsplit("_", 1)[1]
        return self.lake.bars(named, size, day, day, asset_class=AssetClass.STOCKS).collect()

    def _holds_any(self, table: str, day: date) -> bool:
        return table in self.lake.tables() and self._held(table, day, None).height > 0


def prove_stocks(tickers: Collection[str]) -> None:
    """Raise UsageError for a ticker of another class: only the rules of stock trades are known."""
    others = sorted(ticker for ticker in tickers if asset_class_of(ticker) is not AssetClass.STOCKS)
    if others:
        raise UsageError(f"{others[0]} is no stock", remedy="bars are built from the trades of US stocks only")


def _by_ticker(
    minutes: pl.DataFrame,
    apart: pl.DataFrame,
    days: pl.DataFrame,
    held_days: pl.DataFrame | None,
    asked: Collection[str] | None,
) -> tuple[TickerCheck, ...]:
    built = dict(minutes.group_by("ticker").len().iter_rows())
    found = {row["ticker"]: row for row in _counted(apart).iter_rows(named=True)}
    by_day = dict(differences(days, held_days).select("ticker", "what").iter_rows()) if held_days is not None else {}
    borne_out = _borne_out(days, held_days) if held_days is not None else {}
    nothing = {MISSING: 0, EXTRA: 0, DIFFERS: 0, "fields": None}
    checks = []
    for ticker in sorted({*built, *found, *by_day, *(asked or ())}):
        counts = found.get(ticker, nothing)
        checks.append(
            TickerCheck(
                ticker=ticker,
                minutes=built.get(ticker, 0),
                missing=counts[MISSING],
                extra=counts[EXTRA],
                differing=counts[DIFFERS],
                fields=tuple(counts["fields"] or ()),
                day=by_day.get(ticker, EQUAL) if held_days is not None else NOT_HELD,
                borne_out=borne_out.get(ticker),
            )
        )
    return tuple(checks)


def _counted(apart: pl.DataFrame) -> pl.DataFrame:
    """Ticker, the number of its windows of each kind, and the fields in which any of them differs (null: none)."""
    kinds = [(pl.col("what") == kind).sum().alias(kind) for kind in (MISSING, EXTRA, DIFFERS)]
    differing = apart.filter(pl.col("what") == DIFFERS).explode("fields")
    fields = differing.group_by("ticker").agg(pl.col("fields").unique().sort())
    return apart.group_by("ticker").agg(kinds).join(fields, on="ticker", how="left")


def _borne_out(days: pl.DataFrame, held: pl.DataFrame) -> dict[str, bool]:
    """Ticker to whether its held day bar says what its trades say; tickers without a held day bar are left out."""
    both = held.join(days, on="ticker", how="left", suffix="_built")
    same = [pl.col(name) == pl.col(f"{name}_built") for name in ("open", "high", "low", "close")]
    near = [
        (pl.col(name) - pl.col(f"{name}_built")).abs() <= LATE_SHARE * pl.col(name)
        for name in ("volume", "transactions")
    ]
    agrees = pl.all_horizontal(*same, *near).fill_null(value=False)
    return dict(both.select("ticker", agrees.alias("agrees")).iter_rows())
