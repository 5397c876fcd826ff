"""What is held, and on what evidence."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from forebay.errors import UsageError
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import Source
from forebay.service.desk import At
from forebay.service.faults import faults
from forebay.service.words import End, Limit, Start, Symbol, Table

routes = APIRouter(tags=["coverage"])
Destination = Annotated[str, Query(min_length=1, max_length=200, description="Where it is held.", examples=[LAKE])]
Verdicts = Annotated[list[Verdict] | None, Query(description="With one of these verdicts.")]


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
    more: bool = Field(description="There are more than `limit`: narrow the dates, or name a table or a symbol.")


@routes.get("/api/v1/coverage", summary="What is held", responses=faults(422))
def coverage(
    desk: At,
    destination: Destination = LAKE,
    table: Table = None,
    symbol: Symbol = None,
    start: Start = None,
    end: End = None,
    verdict: Verdicts = None,
    limit: Limit = 100,
) -> CoveragePage:
    """What the ledger records of partitions, good or bad. Those of every symbol (`*`) count for each symbol too."""
    dates = between(start, end)
    symbols = None if symbol is None else [symbol, "*"]
    found = desk.ledger.coverage.find(destination, table, symbols, dates, verdicts=verdict or None, limit=limit + 1)
    return CoveragePage(coverage=[CoverageShown.of(row) for row in found[:limit]], more=len(found) > limit)


def between(start: date | None, end: date | None) -> Interval:
    """The dates of a question, an open end being the first or the last there is. Raises UsageError."""
    first, last = start or date.min, end or date.max
    if last < first:
        raise UsageError(f"the dates are reversed: {first} is after {last}", remedy="swap start and end")
    return Interval(first, last)
