"""Why a cell of the grid is red, and the button that mends it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from forebay.errors import UsageError
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.run import Order, RunKind
from forebay.orchestration.grid.repair import Scope
from forebay.orchestration.grid.table import TableGrid
from forebay.orchestration.grid.why import Explainer
from forebay.service.dashboard.grid import Where, find
from forebay.service.dashboard.grid_view import path_of, share, spelled, why_path
from forebay.service.dashboard.pages import back_to, render
from forebay.service.desk import At
from forebay.service.routes.runs import RUN_ID, Under, ordered
from forebay.service.words import TABLE, Day, in_order
from forebay.symbols.registry_rows import TICKER

routes = APIRouter()
_LONGEST = timedelta(days=366)
"""What is explained and mended at once."""
Asked = Annotated[str, Query(pattern=TABLE)]
Whose = Annotated[str | None, Query(pattern=TICKER)]


@routes.get("/why")
def why(
    request: Request,
    desk: At,
    runs: Under,
    table: Asked,
    start: Day,
    end: Day,
    symbol: Whose = None,
    at: Where = LAKE,
    ran: Annotated[str | None, Query(pattern=RUN_ID)] = None,
) -> Response:
    """Cause, evidence, next try, the command that mends it, and a button that does the same."""
    _bounded(start, end)
    grid = find(desk, table, at)
    scope = Scope(table, Interval(start, end), _known(grid, symbol))
    found = Explainer(desk.ledger, desk.grids.find_stored, desk.app.clock.now()).explain(grid, scope)
    run = runs.book.get(ran) if ran else None
    return render(
        request,
        "why.html",
        grid=grid,
        why=found,
        symbol=symbol,
        whose=spelled(symbol),
        run=run,
        redact=desk.redact,
        share=share,
        days=[(day, cell, why_path(grid, day, day, symbol)) for day, cell in found.days],
        month=path_of(grid, f"{start:%Y-%m}", symbol=scope.symbol),
        table=path_of(grid, year=start.year),
    )


@routes.post("/repair")
def repair(
    desk: At,
    runs: Under,
    table: Annotated[str, Form(pattern=TABLE)],
    start: Annotated[Day, Form()],
    end: Annotated[Day, Form()],
    symbol: Annotated[str | None, Form(pattern=TICKER)] = None,
    at: Annotated[str, Form(pattern="^(lake|archive)$")] = LAKE,
) -> Response:
    """Order exactly this cell to be put right; then the page that shows how it fares."""
    _bounded(start, end)
    grid = find(desk, table, at)
    whose = _known(grid, symbol)
    run = ordered(runs, Order(RunKind.FILL, (whose,) if whose else None, start, end, table=table))
    return back_to(why_path(grid, start, end, symbol, ran=run.id) + "#run")


def _known(grid: TableGrid, symbol: str | None) -> str | None:
    """Whose sessions are meant: the whole market's, where a symbol is wanted with it alone."""
    return ALL_SYMBOLS if symbol not in grid.wanted and ALL_SYMBOLS in grid.wanted and symbol is not None else symbol


def _bounded(start: date, end: date) -> None:
    in_order(start, end)
    if end - start > _LONGEST:
        raise UsageError("more than a year is asked for", remedy="take one year at a time")
