"""The list of symbols, and the page of one: its chart, its sources, how it is kept, and what may be done about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from shlex import quote as shell
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Query, Request, Response

from forebay.app.symbol_chart import ChartAsked, ChartShown, chart_shown
from forebay.app.symbol_list import SHOWN, SymbolsAsked, symbols_shown
from forebay.app.wired import App
from forebay.errors import UsageError
from forebay.ledger.filter import TaskFilter
from forebay.ledger.provenance import Provenance
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.registry import IngestionStrategy, SymbolRegistry
from forebay.model.run import Order, RunKind
from forebay.model.task import FAILED, Task
from forebay.orchestration.chart_holes import Hole
from forebay.orchestration.chart_range import DAY_SIZES, RANGES, SIZES
from forebay.orchestration.source_history import Stretch, history
from forebay.service.dashboard.chart import NARROW, WIDE, draw
from forebay.service.dashboard.pages import back_to, render
from forebay.service.dashboard.scales import price_text
from forebay.service.dashboard.symbol_view import figures_of, gap_lines, series_of, told, zone_of
from forebay.service.desk import At
from forebay.service.routes.runs import RUN_ID, Under, ordered
from forebay.service.words import Day, Ticker
from forebay.symbols.registry_rows import TICKER

routes = APIRouter()
_ADJUSTS = {"": "Raw", "splits": "Splits", "total_return": "Total return"}
_HOURS = {"regular": "Regular", "all": "All"}
_DAY = timedelta(days=1)
_FAILURES = 5
"""Failed tasks that are shown of one symbol."""
Market = Annotated[str, Query(pattern=r"^[a-z_]{0,40}$")]


@routes.get("/symbols")
def symbols(
    request: Request,
    desk: At,
    q: Annotated[str, Query(max_length=100)] = "",
    show: str = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Response:
    """Those that are kept or held, a page at a time."""
    if show not in SHOWN:
        raise UsageError(f"symbols cannot be narrowed to {show!r}", remedy="choose from the list")
    found = symbols_shown(desk.opened(), SymbolsAsked(q, show, page))
    opens = re.fullmatch(TICKER, q) is not None
    words: dict[str, Any] = {"found": found, "q": q, "show": show, "choices": SHOWN, "opens": opens}
    around: dict[str, Any] = {"path": path_of, "redact": desk.redact}
    return render(request, "symbols.html", **words, **around)


@routes.get("/symbols/{symbol}")
def symbol(
    request: Request,
    desk: At,
    runs: Under,
    symbol: Ticker,
    market: Market = "",
    range: Annotated[str, Query(max_length=4)] = "3M",  # noqa: A002 - a word of the address
    size: Annotated[str, Query(max_length=4)] = "",
    adjust: Annotated[str, Query(max_length=20)] = "",
    hours: Annotated[str, Query(max_length=10)] = "regular",
    end: Day | None = None,
    ran: Annotated[str, Query(pattern=RUN_ID)] | None = None,
) -> Response:
    """One symbol: a chart of its bars and how it is kept."""
    if adjust not in _ADJUSTS or hours not in _HOURS:
        raise UsageError("there is no such chart", remedy="choose from the links above it")
    app = desk.opened()
    entry = app.registry.get(symbol)
    asked = ChartAsked(symbol, market, range, size, adjust, hours == "regular", end)
    shown = chart_shown(app, asked, entry)
    words = {"market": market, "range": range, "size": size, "adjust": adjust, "hours": hours, "end": end}
    return render(
        request,
        "symbol.html",
        symbol=symbol,
        entry=entry,
        name=_name(app, symbol, entry),
        failures=_failures(app, symbol),
        run=runs.book.get(ran) if ran else None,
        strategies=list(IngestionStrategy),
        path=path_of(symbol),
        redact=desk.redact,
        **_charted(shown, asked, words),
        sources=_sources(app, symbol, shown),
    )


@routes.post("/symbols/{symbol}/keep")
def keep(desk: At, symbol: Ticker, strategy: Annotated[IngestionStrategy, Form()]) -> Response:
    """Take it into the registry, or keep it in another way from its next run on."""
    if not desk.registry.add_many([SymbolRegistry(symbol, strategy)])[0]:
        desk.registry.set_strategy(symbol, strategy)
    return back_to(path_of(symbol))


@routes.post("/symbols/{symbol}/enable")
def enable(desk: At, symbol: Ticker) -> Response:
    """Keep it again."""
    desk.registry.set_enabled(symbol, enabled=True)
    return back_to(path_of(symbol))


@routes.post("/symbols/{symbol}/disable")
def disable(desk: At, symbol: Ticker) -> Response:
    """Keep it no longer; what it brought stays."""
    desk.registry.set_enabled(symbol, enabled=False)
    return back_to(path_of(symbol))


@routes.post("/symbols/{symbol}/run")
def run(desk: At, runs: Under, symbol: Ticker) -> Response:
    """Run it now, due or not."""
    if not desk.registry.require(symbol).enabled:
        raise UsageError(f"{symbol} is disabled", remedy="enable it first")
    placed = ordered(runs, Order(RunKind.INGEST, (symbol,)))
    return back_to(f"{path_of(symbol)}?ran={placed.id}#kept")


def path_of(symbol: str, **words: object) -> str:
    """The address of a symbol's page. Words that are empty are left out."""
    query = urlencode({name: str(word) for name, word in words.items() if word})
    return f"/symbols/{quote(symbol, safe='')}" + (f"?{query}" if query else "")


def _name(app: App, symbol: str, entry: SymbolRegistry | None) -> str:
    return (entry.description if entry else "") or app.universes.names([symbol]).get(symbol, "")


def _failures(app: App, symbol: str) -> list[Task]:
    return app.ledger.tasks.find(TaskFilter(symbol=symbol, states=FAILED), limit=_FAILURES)


def _sources(app: App, symbol: str, shown: ChartShown) -> list[Stretch]:
    recorded = Provenance(app.ledger.database, LAKE, app.clock.now())
    return history(recorded, symbol, {f"{shown.market}/{kind}": dates for kind, dates in shown.held.items()})


def _charted(shown: ChartShown, asked: ChartAsked, words: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of the chart that the template asks for."""
    series = series_of(shown, regular=asked.regular)

    def link(**other: object) -> str:
        return path_of(asked.symbol, **(dict(words) | other))

    return {
        "shown": shown,
        "asked": asked,
        "wide": draw(series, WIDE),
        "narrow": draw(series, NARROW),
        "figures": figures_of(series.candles),
        "told": told(shown, series.candles),
        "candles": series.candles,
        "gaps": list(gap_lines(shown)),
        "command": _command(asked.symbol, shown),
        "zone": zone_of(shown.dataset),
        "link": link,
        "ranges": RANGES,
        "all_sizes": (*SIZES, *DAY_SIZES),
        "off": [size for size in (*SIZES, *DAY_SIZES) if size not in shown.sizes],
        "adjusts": _ADJUSTS,
        "no_adjust": () if shown.can_adjust else ("splits", "total_return"),
        "hours": _HOURS,
        "zip": zip,
        "price": price_text,
        "why": lambda hole: why_path(asked.symbol, hole),
        **_turns(shown),
    }


def why_path(symbol: str, hole: Hole) -> str:
    """The address that tells more of a gap, and mends it."""
    dates = hole.dates
    return f"/why?{urlencode({'table': hole.table, 'symbol': symbol, 'start': dates.start, 'end': dates.end})}"


def _command(symbol: str, shown: ChartShown) -> str:
    """What fetches all that lacks; empty where nothing does."""
    if not shown.holes or shown.dataset is None:
        return ""
    first, last = min(hole.dates.start for hole in shown.holes), max(hole.dates.end for hole in shown.holes)
    timeframe = shown.dataset.kind.removeprefix("bars_")
    return f"forebay sync --tickers {shell(symbol)} --timeframes {timeframe} --start {first} --end {last}"


def _turns(shown: ChartShown) -> dict[str, Any]:
    """What is held, and the last dates of the charts before and behind this one."""
    if shown.dates is None or shown.whole is None:
        return {}
    held = Interval(min(each.start for each in shown.held.values()), max(each.end for each in shown.held.values()))
    length = shown.dates.end - shown.dates.start + _DAY
    later = min(shown.dates.end + length, shown.whole.end)
    return {"earlier": shown.dates.start - _DAY, "later": later, "held": held}
