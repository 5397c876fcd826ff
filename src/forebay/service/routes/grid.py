"""The cells of the coverage grid, for programs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from forebay.model.grid import Cell, Standing
from forebay.orchestration.grid.table import TableGrid
from forebay.service.desk import At
from forebay.service.faults import faults
from forebay.service.words import Table

routes = APIRouter(tags=["coverage"])
Where = Annotated[str | None, Query(pattern="^(lake|archive)$", description="In this place alone.", examples=["lake"])]


class CellShown(BaseModel):
    """One month of one table."""

    month: str = Field(examples=["2026-03"])
    wanted: int = Field(description="Pairs of a symbol and a session date; the whole market is one symbol.")
    held: int = Field(description="Those of which nothing more is to be had.")
    standing: Standing | None = Field(description="The gravest of them; null: nothing is wanted.")
    counts: dict[Standing, int] = Field(description="How many stand so.")

    @classmethod
    def of(cls, month: str, cell: Cell) -> Self:
        """As it was counted."""
        return cls(month=month, wanted=cell.wanted, held=cell.held, standing=cell.standing, counts={**cell.counts})


class GridTableShown(BaseModel):
    """One table of the grid, in one place."""

    table: str = Field(examples=["stocks/bars_1m"])
    destination: str = Field(examples=["lake"])
    wanted_by_feeds: bool = Field(description="False: no feed asks for it, and what is recorded is shown.")
    symbols: int = Field(description="How many are wanted; the whole market is one.")
    months: list[CellShown]

    @classmethod
    def of(cls, grid: TableGrid) -> Self:
        """As it was counted."""
        return cls(
            table=grid.table,
            destination=grid.destination,
            wanted_by_feeds=grid.by_feeds,
            symbols=len(grid.wanted),
            months=[CellShown.of(month, cell) for month, cell in grid.months.items()],
        )


class GridShown(BaseModel):
    """Every table that is wanted or recorded."""

    made_at: datetime = Field(description="UTC.")
    notes: list[str] = Field(description="What could not be looked at.")
    tables: list[GridTableShown]


@routes.get("/api/v1/grid", summary="The coverage grid", responses=faults(422))
def grid(desk: At, table: Table = None, destination: Where = None) -> GridShown:
    """What is wanted and how it stands, month by month, by the ledger and by what the storage lists. Asks no vendor."""
    found = desk.grid()
    shown = [each for each in found.tables if table in (None, each.table) and destination in (None, each.destination)]
    return GridShown(
        made_at=found.made_at,
        notes=[desk.redact(note) for note in found.notes],
        tables=[GridTableShown.of(each) for each in shown],
    )
