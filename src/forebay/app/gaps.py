"""Gaps, wired: who searches for them, who closes them, and for which symbols."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import structlog

from forebay.app.quality import carry_out
from forebay.app.trades import trade_check
from forebay.errors import UsageError
from forebay.lake.reading.tables import Tables
from forebay.lake.verification.verify import TableReader
from forebay.model.catalogue import BAR_DATASETS, LAKE_DATASETS, Kind
from forebay.model.feed import LAKE, Feed, SourceChoice
from forebay.model.gap import Gap, Outcome
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval, subtract
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.registry import Phase, SymbolRegistry
from forebay.orchestration.gap_book import GapBook
from forebay.orchestration.gap_repair import GapRepair
from forebay.orchestration.ingest.feeds import kept, misfit
from forebay.orchestration.minutes_scan import GapScan, GapScope, even_parts
from forebay.orchestration.trades_held import minutes_missing
from forebay.orchestration.upstream import Upstream
from forebay.orchestration.wanted import newest_session
from forebay.symbols.registry_rows import check_symbol

if TYPE_CHECKING:
    from forebay.app.wired import App

_log = structlog.get_logger(__name__)


def gap_scan(app: App) -> GapScan:
    """Searches the lake. Asks no vendor."""
    trades = TableReader.of(app.lake_home, LAKE_DATASETS["stocks/trades"])
    missing = partial(minutes_missing, trades, trade_check(app))
    return GapScan(Tables(app.lake_home), app.planner(), missing, GapBook(app.ledger, app.clock))


def gap_repair(app: App, scan: GapScan) -> GapRepair:
    """Closes what it found."""
    upstream = Upstream(app.flatfiles, app.ledger) if app.has_flatfiles else None
    return GapRepair(scan, app.planner(), app.ledger, scan.tables, scan.book, upstream, partial(carry_out, app))


def scopes(app: App, symbols: Collection[str], start: date | None, end: date | None) -> list[GapScope]:
    """What is searched of these symbols: those that are kept alike together.

    Without `start` from the day that the registry names for a symbol, else the first session that the lake holds;
    without `end` to the last session that is over. Raises UsageError for dates in the wrong order, what is no
    symbol and a class without minute bars, LedgerError.
    """
    if start and end and end < start:
        raise UsageError(f"the last day, {end}, is before the first, {start}", remedy="swap them")
    entries = {entry.symbol: entry for entry in app.registry.list()}
    alike: defaultdict[tuple[AssetClass, date | None, SourceChoice], list[str]] = defaultdict(list)
    for symbol in sorted(set(symbols), key=str.encode):
        check_symbol(symbol)
        entry = entries.get(symbol) or SymbolRegistry(symbol)
        if why := misfit(entry):
            raise UsageError(why, remedy="leave it out")
        how = kept(entry)
        alike[entry.asset_class, start or how.start, how.source].append(symbol)
    found = (_scope(app, names, end, how) for how, names in alike.items())
    return [scope for scope in found if scope]


def _scope(
    app: App, names: Sequence[str], end: date | None, how: tuple[AssetClass, date | None, SourceChoice]
) -> GapScope | None:
    """None when no session of the dates is over."""
    asset_class, start, source = how
    dataset = BAR_DATASETS.get(f"{asset_class}/{Kind.BARS_1M}")
    if dataset is None:
        raise UsageError(f"{names[0]} is of {asset_class}, which has no minute bars", remedy="leave it out")
    newest = newest_session(dataset, app.clock.now())
    span = TableReader.of(app.lake_home, dataset).span
    first, last = start or (span.start if span else newest), min(end or newest, newest)
    return GapScope(asset_class, tuple(names), Interval(first, last), source) if first <= last else None


def market_scopes(app: App, feeds: Iterable[Feed], start: date | None, end: date | None) -> list[GapScope]:
    """What is searched of feeds of the whole market, each session once, a quarter in a scope, the latest first.

    Raises LakeError.
    """
    seen: defaultdict[AssetClass, list[Interval]] = defaultdict(list)
    found: list[GapScope] = []
    for scope in _whole_markets(app, feeds, start, end):
        for dates in reversed(subtract([scope.dates], seen[scope.asset_class])):
            parts = even_parts(replace(scope, dates=dates).sessions)
            found += [replace(scope, dates=Interval(days[0], days[-1])) for days in reversed([*parts])]
        seen[scope.asset_class].append(scope.dates)
    return found


def _whole_markets(app: App, feeds: Iterable[Feed], start: date | None, end: date | None) -> Iterator[GapScope]:
    """Each whole market whose minutes a feed wants in the lake; feeds may want one of them twice."""
    for feed in feeds:
        if feed.symbols is not None or feed.category is not None or LAKE not in feed.stores:
            continue
        first = max(filter(None, (start, feed.start)), default=None)
        last = min(filter(None, (end, feed.end)), default=None)
        for dataset in feed.datasets:
            minutes = dataset is BAR_DATASETS.get(f"{dataset.asset_class}/{Kind.BARS_1M}")
            if minutes and (scope := _scope(app, [ALL_SYMBOLS], last, (dataset.asset_class, first, feed.source))):
                yield scope


def kept_symbols(app: App) -> list[str]:
    """The enabled symbols of the registry whose minute bars are kept. Raises LedgerError."""
    enabled = app.registry.list(enabled_only=True)
    wanted = [entry for entry in enabled if Phase.BACKFILL in entry.strategy.phases and not misfit(entry)]
    return [entry.symbol for entry in wanted if any(each.kind is Kind.BARS_1M for each in kept(entry).datasets)]


def find_gaps(app: App, wanted: Iterable[GapScope]) -> Iterator[tuple[GapScope, list[Gap]]]:
    """The gaps of each scope, by symbol and date; each symbol that has open ones is logged. Changes nothing."""
    scan = gap_scan(app)
    for scope in wanted:
        gaps = sorted(scan.run(scope), key=lambda gap: (gap.symbol.encode(), gap.day))
        _tell("gap_detected", [gap for gap in gaps if gap.outcome is Outcome.OPEN])
        yield scope, gaps


def unproven(app: App, wanted: Iterable[GapScope]) -> dict[str, int]:
    """Symbol to sessions of which nobody counted the bars as REST brought them. Raises LedgerError."""
    scan = gap_scan(app)
    found: Counter[str] = Counter()
    for scope in wanted:
        found.update(scan.unproven(scope))
    return found


def repair_gaps(app: App, wanted: Iterable[GapScope], budget: int, *, again: bool = False) -> list[Gap]:
    """Find the gaps of each scope and repair open ones, `budget` of all at most; every gap, as it is then.

    The latest sessions of a scope come first. With `again` those too of which the vendor is known to have no more.
    Raises LakeError, LedgerError, VendorError.
    """
    left, told, since = budget, list[Gap](), app.clock.now()
    for scope, gaps in find_gaps(app, wanted):
        open_ones = [gap for gap in gaps if again or gap.outcome is Outcome.OPEN]
        tried = sorted(open_ones, key=lambda gap: gap.day, reverse=True)[:left]
        left -= len(tried)
        tried = sorted(tried, key=lambda gap: gap.day)
        done = {(gap.symbol, gap.day): gap for gap in gap_repair(app, gap_scan(app)).run(scope, tried, since)}
        _tell("gap_repaired", [gap for gap in done.values() if gap.outcome is Outcome.CLOSED])
        told += [done.get((gap.symbol, gap.day), gap) for gap in gaps]
    return told


def _tell(event: str, gaps: Iterable[Gap]) -> None:
    by_symbol: defaultdict[str, list[Gap]] = defaultdict(list)
    for gap in gaps:
        by_symbol[gap.symbol].append(gap)
    for symbol, several in by_symbol.items():
        missing = sum(gap.missing for gap in several)
        seconds = sum(gap.duration.total_seconds() for gap in several)
        _log.info(event, symbol=symbol, missing_count=missing, duration=seconds, sessions=len(several))
