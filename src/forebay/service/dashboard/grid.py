"""The first page with the coverage grid, and its way down: a table's symbols, and the days of a month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from forebay.errors import NoSuchTable
from forebay.model.coverage import Coverage
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.task import FAILED
from forebay.orchestration.grid.table import TableGrid
from forebay.service.dashboard.grid_view import (
    LEGEND,
    MONTHS,
    Box,
    boxes_of,
    card_of,
    path_of,
    share,
    spelled,
    total,
    why_path,
)
from forebay.service.dashboard.pages import render
from forebay.service.desk import At, Desk
from forebay.symbols.registry_rows import TICKER

routes = APIRouter()
_ROWS = 100
"""Symbols of a page."""
_RECORDS = 2_000
"""Rows of coverage that a month is explained by."""
Word = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,40}$")]
Month = Annotated[str, Path(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Where = Annotated[str, Query(pattern="^(lake|archive)$")]
Cut = Annotated[str, Query(max_length=40)]


@routes.get("/")
def overview(request: Request, desk: At) -> Response:
    """Every table that is wanted, month by month, and what there is to do."""
    found = desk.grid()
    cards = [card_of(grid) for grid in found.tables]
    tasks = desk.counts()
    return render(
        request,
        "grid.html",
        cards=cards,
        notes=[desk.redact(note) for note in found.notes],
        total=total(card.total for card in cards),
        waiting=sum(count for state, count in tasks.items() if not state.over and state not in FAILED),
        failed=sum(tasks[state] for state in FAILED),
        months=MONTHS,
        legend=LEGEND,
        share=share,
    )


@routes.get("/grid/{asset_class}/{kind}")
def table(
    request: Request,
    desk: At,
    asset_class: Word,
    kind: Word,
    at: Where = LAKE,
    year: Annotated[str, Query(pattern=r"^(\d{4})?$")] = "",
    q: Cut = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    """A year of a table, symbol by symbol: those with most to do first."""
    grid = find(desk, f"{asset_class}/{kind}", at)
    years = sorted({month[:4] for month in grid.months}, reverse=True)
    chosen = year if year in years else years[0]
    months = {month: span for month, span in grid.sessions.months if month.startswith(chosen)}
    window = min(span[0] for span in months.values()), max(span[1] for span in months.values())
    symbols = grid.by_symbol(window, q.strip())
    rows = []
    for symbol, cell in symbols[(page - 1) * _ROWS : page * _ROWS]:
        counts = grid.counts([symbol], window)
        cells = {month: counts.cell(span) for month, span in months.items()}
        rows.append((symbol, spelled(symbol), cell, boxes_of(chosen, cells, _to_month(grid, symbol))))
    return render(
        request,
        "grid_table.html",
        grid=grid,
        total=total(cell for month, cell in grid.months.items() if month in months),
        rows=rows,
        found=len(symbols),
        pages=-(-len(symbols) // _ROWS),
        page=page,
        year=chosen,
        years=years,
        q=q,
        months=MONTHS,
        share=share,
        path=lambda **words: path_of(grid, **words),
    )


def _to_month(grid: TableGrid, symbol: str) -> Callable[[str], str]:
    named = "" if symbol == ALL_SYMBOLS and len(grid.wanted) == 1 else symbol
    return lambda month: path_of(grid, month, symbol=named)


@routes.get("/grid/{asset_class}/{kind}/{month}")
def month(
    request: Request,
    desk: At,
    asset_class: Word,
    kind: Word,
    month: Month,
    at: Where = LAKE,
    symbol: Annotated[str | None, Query(pattern=TICKER)] = None,
) -> Response:
    """The days of a month, of a table or of one of its symbols."""
    grid = find(desk, f"{asset_class}/{kind}", at)
    span = dict(grid.sessions.months).get(month)
    if span is None or (symbol is not None and symbol not in grid.wanted):
        raise NoSuchTable(f"nothing of {grid.table} is wanted there", remedy="go back to the grid")
    counts = grid.counts(None if symbol is None else [symbol], span)
    dates = grid.sessions.days[span[0] : span[1] + 1]
    boxes = [
        (day, Box(counts.cell((place, place)), f"{day:%A %d %B %Y}", why_path(grid, day, day, symbol)))
        for place, day in enumerate(dates, span[0])
    ]
    cell = counts.cell(span)
    return render(
        request,
        "grid_month.html",
        grid=grid,
        month=month,
        symbol=symbol,
        whose=spelled(symbol),
        cell=cell,
        boxes=boxes,
        weeks=_weeks(boxes),
        records=_records(desk, grid, dates, symbol),
        why=why_path(grid, dates[0], dates[-1], symbol),
        before=_neighbour(grid, month, -1, symbol),
        after=_neighbour(grid, month, 1, symbol),
        share=share,
        path=path_of(grid, year=month[:4]),
    )


def find(desk: Desk, table: str, at: str) -> TableGrid:
    """A table of the grid. Raises NoSuchTable (404), LedgerError."""
    grid = desk.grid().find(table, at)
    if grid is None:
        raise NoSuchTable(f"nothing of {table} is wanted or held in the {at}", remedy="the first page lists the tables")
    return grid


def _weeks(boxes: Sequence[tuple[date, Box]]) -> list[list[Box | None]]:
    """Days under each other as a calendar has them, from Monday to Sunday."""
    weeks: dict[tuple[int, int], list[Box | None]] = {}
    for day, box in boxes:
        year, week, weekday = day.isocalendar()
        weeks.setdefault((year, week), [None] * 7)[weekday - 1] = box
    return list(weeks.values())


def _records(desk: Desk, grid: TableGrid, days: Sequence[date], symbol: str | None) -> dict[date, Coverage]:
    """What is recorded of each day: of the symbol itself, else of the whole market; what is not good first."""
    symbols = sorted({symbol or ALL_SYMBOLS, ALL_SYMBOLS})
    dates = Interval(days[0], days[-1])
    rows = desk.ledger.coverage.find(grid.destination, grid.table, symbols, dates, limit=_RECORDS)
    rows.sort(key=lambda row: (row.partition.symbol != ALL_SYMBOLS, row.verdict.satisfies, row.source.rank))
    return {day: row for row in rows for day in days if day in row.partition.dates}


def _neighbour(grid: TableGrid, month: str, step: int, symbol: str | None) -> tuple[str, str] | None:
    """The month beside one, and its address; None where the grid ends."""
    months = list(grid.months)
    place = months.index(month) + step
    return (months[place], path_of(grid, months[place], symbol=symbol)) if 0 <= place < len(months) else None
