"""What is held, and on what evidence."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, TypeAdapter

from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import Source
from forebay.service.cursors import Next, cursor, row_of
from forebay.service.desk import At
from forebay.service.faults import faults
from forebay.service.words import TABLE, End, Limit, Start, Symbol, Table, in_order
from forebay.symbols.registry_rows import TICKER

routes = APIRouter(tags=["coverage"])
_PRINTED = r"^[^\x00-\x1f]+$"
Destination = Annotated[str, Query(pattern=_PRINTED, max_length=200, description="Where it is held.", examples=[LAKE])]
Verdicts = Annotated[list[Verdict] | None, Query(description="With one of these verdicts.")]


_PLACE = TypeAdapter(
    tuple[
        Annotated[str, Field(pattern=TABLE)],
        Annotated[str, Field(pattern=TICKER)],
        date,
        date,
        Source,
    ]
)
"""What the pages are in order of."""


class CoverageShown(BaseModel):
    """What is known of one partition. Times are UTC."""

    table: str = Field(examples=["stocks/bars_1d"])
    symbol: str = Field(description="`*` is every symbol.", examples=["*"])
    start: date
    end: date
    destination: str = Field(examples=[LAKE])
    source: Source
    verdict: Verdict
    rows: int | None
    reason: str = Field(description="For a person; may be empty.")
    checked_at: datetime
    expires_at: datetime | None = Field(description="From then on it may be asked again.")

    @property
    def place(self) -> str:
        """Among all, as a cursor."""
        return cursor(_PLACE, (self.table, self.symbol, self.start, self.end, self.source))

    @classmethod
    def of(cls, row: Coverage) -> Self:
        """As the ledger has it."""
        return cls(
            table=row.partition.table,
            symbol=row.partition.symbol,
            start=row.partition.dates.start,
            end=row.partition.dates.end,
            destination=row.destination,
            source=row.source,
            verdict=row.verdict,
            rows=row.evidence.rows,
            reason=row.evidence.reason,
            checked_at=row.checked_at,
            expires_at=row.expires_at,
        )


class CoveragePage(BaseModel):
    """Partitions by table, symbol and date."""

    coverage: list[CoverageShown]
    next: str | None = Field(description="Ask again with `after` set to it; null: there are no more.")


@routes.get("/api/v1/coverage", summary="What is held", responses=faults(422))
def coverage(
    desk: At,
    destination: Destination = LAKE,
    table: Table = None,
    symbol: Symbol = None,
    start: Start = None,
    end: End = None,
    verdict: Verdicts = None,
    after: Next = None,
    limit: Limit = 100,
) -> CoveragePage:
    """What the ledger records of partitions, good or bad. Those of every symbol (`*`) count for each symbol too."""
    in_order(start, end)
    dates = Interval(start or date.min, end or date.max)
    symbols = None if symbol is None else [symbol, "*"]
    which: dict[str, Any] = {"verdicts": verdict or None, "after": row_of(_PLACE, after)}
    found = desk.ledger.coverage.find(destination, table, symbols, dates, **which, limit=limit + 1)
    shown = [CoverageShown.of(row) for row in found[:limit]]
    return CoveragePage(coverage=shown, next=shown[-1].place if len(found) > limit else None)
