"""What lacks of the minutes that were traded, and what a backfill would fetch."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from forebay.app.gaps import find_gaps, scopes
from forebay.app.ingest import forecast
from forebay.errors import UnknownSymbol, UsageError
from forebay.model.gap import GapKind, Outcome, Proof
from forebay.model.intervals import Interval
from forebay.model.partition import Source
from forebay.orchestration.minutes_scan import GapScope
from forebay.orchestration.plan import Plan
from forebay.service.desk import At
from forebay.service.faults import faults
from forebay.service.words import End, Start, Symbol, in_order
from forebay.symbols.registry_rows import TICKER

routes = APIRouter(prefix="/api/v1", tags=["gaps"])
_MOST = timedelta(days=366)
"""Searched in one question: about a second for a symbol. `forebay gaps scan` takes any span."""
Searched = Annotated[str, Query(pattern=TICKER, description="Of this symbol.", examples=["AAPL"])]


class GapShown(BaseModel):
    """A session whose minute bars lack what was traded. Times are UTC."""

    model_config = ConfigDict(from_attributes=True)

    symbol: str = Field(examples=["AAPL"])
    day: date
    kind: GapKind
    proof: Proof = Field(description="What tells it from quiet minutes.")
    missing: int = Field(description="Minute bars, at least one: an estimate by day bars.")
    first: datetime = Field(description="The longest silence in which they may lie: its first minute, and its last.")
    last: datetime
    evidence: str
    outcome: Outcome
    reason: str = Field(description="Why it stays, where that was found out.")


class GapsShown(BaseModel):
    """Gaps by date."""

    gaps: list[GapShown]


class PlanLine(BaseModel):
    """One table from one source."""

    model_config = ConfigDict(from_attributes=True)

    table: str = Field(examples=["stocks/bars_1m"])
    source: Source
    tasks: int
    days: int
    calls: int = Field(description="REST calls at most.")
    fewest_calls: int
    bytes: int = Field(description="Of flat files.")
    seconds: float = Field(description="An estimate for one worker.")
    why: str = Field(description="The reason for that source.")


class PlanShown(BaseModel):
    """What is missing, from where, and what that takes."""

    made_at: datetime
    calls: int = Field(description="REST calls at most.")
    bytes: int = Field(description="Of flat files.")
    seconds: float = Field(description="An estimate for one worker.")
    lines: list[PlanLine]
    notes: list[str]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """As it was made."""
        return cls(
            made_at=plan.made_at,
            calls=plan.calls,
            bytes=plan.bytes,
            seconds=plan.duration.total_seconds(),
            lines=[PlanLine.model_validate(line) for line in plan.lines],
            notes=list(plan.notes),
        )


@routes.get("/gaps", summary="Gaps", responses=faults(404, 422))
def gaps(desk: At, symbol: Searched, start: Start = None, end: End = None) -> GapsShown:
    """Sessions of a symbol whose minutes lack what was traded: not its quiet minutes. Asks no vendor.

    At most a year is searched: without `start` the newest one, from the day on that the registry names for the symbol.
    """
    app = desk.opened()
    in_order(start, end)
    wanted = [bounded(scope, named=start is not None) for scope in scopes(app, [symbol], start, end)]
    found = [gap for _, several in find_gaps(app, wanted) for gap in several]
    return GapsShown(gaps=[GapShown.model_validate(gap) for gap in found])


def bounded(scope: GapScope, *, named: bool) -> GapScope:
    """Its newest year, unless more was asked for by name."""
    first, last = scope.dates.start, scope.dates.end
    if last - first <= _MOST:
        return scope
    if named:
        raise UsageError("more than a year is asked for", remedy="ask year by year, or use `forebay gaps scan`")
    return replace(scope, dates=Interval(last - _MOST, last))


@routes.get("/plan", summary="The plan", responses=faults(404, 422))
def plan(desk: At, symbol: Symbol = None) -> PlanShown:
    """What a backfill of the registry, or of one symbol of it, would fetch, by what is known of the vendor's files."""
    app = desk.opened()
    entries = app.registry.list(enabled_only=True)
    if symbol is not None:
        entries = [entry for entry in entries if entry.symbol == symbol]
        if not entries:
            raise UnknownSymbol(
                f"{symbol} is not in the registry, or disabled", remedy="GET /api/v1/symbols lists them"
            )
    return PlanShown.of(forecast(app, entries))
