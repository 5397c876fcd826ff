"""The bars of one symbol for a chart, wired: which are shown, what lacks among them, and when it was split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from forebay.app.gaps import gap_scan
from forebay.bars.adjust import SPLIT_FACTOR, Adjustment
from forebay.errors import NoSuchTable, UsageError
from forebay.lake.actions.adjusting import factors
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import BAR_DATASETS, BARS, LAKE_DATASETS, Dataset, Kind
from forebay.model.feed import Feed
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.registry import Phase, SymbolRegistry
from forebay.orchestration.chart_holes import Hole, Holes
from forebay.orchestration.chart_range import DAY_SIZES, RANGES, Sizes, dates_of
from forebay.orchestration.entitlement import remembered_reach
from forebay.orchestration.ingest.feeds import kept, misfit
from forebay.orchestration.minutes_scan import GapScope
from forebay.orchestration.wanted import newest_session

if TYPE_CHECKING:
    from forebay.app.wired import App

_WITH_HOURS = "XNYS"
_LACKING, _SHARE = timedelta(days=14), 4
"""What lacks behind the newest bar is shown with it: days at most, and the part of the range that they may take."""


@dataclass(frozen=True, slots=True)
class ChartAsked:
    """What a chart is to show."""

    symbol: str
    market: str = ""
    """What its tables' names begin with (`futures_cme`), where the ticker does not say."""
    range: str = RANGES[3]
    size: str = ""
    """The usual one of the range without it, or where there would be too many bars of it."""
    adjust: str = ""
    """`splits` or `total_return`; prices as published without it."""
    regular: bool = True
    """Whether the hours before and after the regular ones are left out, where there are such."""
    end: date | None = None
    """The last session date; without it one with the newest bars."""


@dataclass(frozen=True, slots=True)
class ChartShown:
    """What there is of it."""

    market: str
    held: Mapping[Kind, Interval]
    """From when to when there are bars; nothing of a kind without any."""
    whole: Interval | None = None
    """All that can be shown; None where nothing is held."""
    dates: Interval | None = None
    dataset: Dataset | None = None
    """Of whose bars those shown are made."""
    size: str = ""
    sizes: tuple[str, ...] = ()
    """In which there are few enough."""
    has_hours: bool = False
    """Whether there are bars outside of the regular hours to be left out."""
    adjust: str = ""
    can_adjust: bool = False
    """Whether it is known when it was split."""
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    holes: tuple[Hole, ...] | None = ()
    """None: what lacks cannot be told of this market, which is not planned symbol by symbol."""
    splits: tuple[tuple[date, float], ...] = ()
    """Session date to new shares for an old one."""
    notes: tuple[str, ...] = ()


def chart_shown(app: App, asked: ChartAsked, entry: SymbolRegistry | None) -> ChartShown:
    """The bars that are asked for, and what lacks among them. `entry` is the symbol's in the registry, if it is there.

    Raises UsageError for words that are not known, LakeError, LedgerError.
    """
    if asked.range not in RANGES:
        raise UsageError(f"unknown range {asked.range!r}", remedy=f"one of {', '.join(RANGES)}")
    reader = _Reader(app, asked, entry)
    held = reader.held()
    if not held:
        return ChartShown(reader.market, held)
    whole = Interval(
        min(reader.wanted(kind, each).start for kind, each in held.items()),
        max(reader.wanted(kind, each).end for kind, each in held.items()),
    )
    end = min(max(asked.end or _newest(asked, held, reader.calendar), whole.start), whole.end)
    dates = dates_of(asked.range, end, whole, reader.calendar)
    return reader.shown(held, whole, dates)


def _newest(asked: ChartAsked, held: Mapping[Kind, Interval], calendar: str) -> date:
    newest = max(each.end for each in held.values())
    dates = dates_of(asked.range, newest, Interval(min(each.start for each in held.values()), newest), calendar)
    return newest + min((dates.end - dates.start) / _SHARE, _LACKING)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads for one question."""

    app: App
    asked: ChartAsked
    entry: SymbolRegistry | None

    @property
    def market(self) -> str:
        return self.asked.market or (self.entry or SymbolRegistry(self.asked.symbol)).asset_class

    @property
    def calendar(self) -> str:
        return next(iter(self.datasets.values())).calendar

    @property
    def datasets(self) -> dict[Kind, Dataset]:
        tables = {kind: f"{self.market}/{kind}" for kind in BARS}
        found = {kind: LAKE_DATASETS[table] for kind, table in tables.items() if table in LAKE_DATASETS}
        if not found:
            raise UsageError(f"there are no bars of {self.market}", remedy="name its tables: `futures_cme`")
        return found

    def held(self) -> dict[Kind, Interval]:
        lake, found = self.app.lake, dict[Kind, Interval]()
        tables = lake.tables()
        for kind, dataset in self.datasets.items():
            span = lake.span(dataset.table, self.asked.symbol) if dataset.table in tables else None
            if span:
                found[kind] = span
        return found

    def wanted(self, kind: Kind, held: Interval) -> Interval:
        """From when to when bars of a kind are to be there: what is held, and of a symbol that is kept up to now."""
        dataset, entry = self.datasets[kind], self.entry
        if not entry or not entry.enabled or Phase.BACKFILL not in entry.strategy.phases or misfit(entry):
            return held
        how = kept(entry)
        if dataset not in how.datasets:
            return held
        reach = remembered_reach(self.app.ledger, Feed("chart", (dataset,), (entry.symbol,)), dataset).first_day
        start = max(how.start, reach) if how.start else held.start
        newest = newest_session(dataset, self.app.clock.now())
        return Interval(min(start, held.start), max(held.end, newest))

    def shown(self, held: Mapping[Kind, Interval], whole: Interval, dates: Interval) -> ChartShown:
        with_hours = self.calendar == _WITH_HOURS and Kind.BARS_1M in held
        sizes = Sizes(next(iter(self.datasets.values())), dates, self.asked.regular)
        fitting = sizes.fit(minutes=Kind.BARS_1M in held, days=Kind.BARS_1D in held or with_hours)
        size = self.asked.size if self.asked.size in fitting else sizes.usual(fitting)
        kind = Kind.BARS_1D if size in DAY_SIZES and Kind.BARS_1D in held else Kind.BARS_1M
        splits, notes = self._splits()
        adjust = self.asked.adjust if splits is not None else ""
        return ChartShown(
            self.market,
            held,
            whole,
            dates,
            self.datasets[kind],
            size,
            fitting,
            with_hours and kind is Kind.BARS_1M,
            adjust,
            splits is not None,
            self._bars(size, kind, dates, adjust),
            self._holes(kind, held[kind], dates),
            splits or (),
            notes,
        )

    def _bars(self, size: str, kind: Kind, dates: Interval, adjust: str) -> pl.DataFrame:
        hours = "regular" if self.asked.regular else "extended" if size in DAY_SIZES else "all"
        within = hours if kind is Kind.BARS_1M and self.calendar == _WITH_HOURS else "all"
        lake = self.app.lake
        bars = lake.bars(
            self.asked.symbol,
            size,
            dates.start,
            dates.end,
            asset_class=self.market,
            adjust=adjust or None,
            session=within,
        )
        with lake.explained():
            return bars.collect()

    def _holes(self, kind: Kind, held: Interval, dates: Interval) -> tuple[Hole, ...] | None:
        if f"{self.market}/{kind}" not in BAR_DATASETS:
            return None
        wanted = self.wanted(kind, held)
        first, last = max(wanted.start, dates.start), min(wanted.end, dates.end)
        if last < first:
            return ()
        scope = GapScope(AssetClass(self.market), (self.asked.symbol,), Interval(first, last))
        holes = Holes(self.app.ledger, gap_scan(self.app))
        if kind is Kind.BARS_1M:
            return tuple(holes.of_minutes(scope))
        rows = self.app.lake.rows(scope.days.table, self.asked.symbol, first, last).select("session_date")
        with self.app.lake.explained():
            return tuple(holes.of_days(scope, set(rows.collect()["session_date"])))

    def _splits(self) -> tuple[tuple[tuple[date, float], ...] | None, tuple[str, ...]]:
        """When it was split, and into how many; None, with the reason, where nothing can be adjusted."""
        if self.market != AssetClass.STOCKS:
            return None, ()
        today = self.app.clock.now().astimezone(NEW_YORK).date()
        try:
            steps = factors(self.app.lake_home, [self.asked.symbol], Adjustment.SPLITS, today)
        except NoSuchTable as error:
            return None, (f"Adjusted prices are not to be had: {error}. {error.remedy}",)
        mine = steps.filter(pl.col("ticker") == self.asked.symbol).sort("first").select("first", SPLIT_FACTOR).rows()
        return tuple((day, before / after) for (_, before), (day, after) in pairwise(mine) if before != after), ()
