"""Long work: ordered here, carried out beside, followed by its address."""

from __future__ import annotations

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from forebay.errors import UsageError
from forebay.model.run import Order, Run, RunKind, RunState
from forebay.service.desk import At
from forebay.service.faults import Refusal, faults
from forebay.service.runs import Runs
from forebay.service.words import Day, Limit, Ticker, in_order
from forebay.symbols.registry_rows import TICKER

routes = APIRouter(prefix="/api/v1", tags=["runs"])
RUN_ID = r"^[0-9a-f]{32}$"
_EXAMPLE = "5f0c1d2e3b4a59687786a5b4c3d2e1f0"
RunId = Annotated[str, Path(pattern=RUN_ID, examples=[_EXAMPLE])]
After = Annotated[str | None, Query(pattern=RUN_ID, description="The `next` of the page before.", examples=[_EXAMPLE])]
_MOST_SYMBOLS = 10_000
_MOST_GAPS = 1_000_000


class RunShown(BaseModel):
    """Long work and how it fares. Times are UTC; each symbol's own state is in the registry."""

    id: str = Field(examples=[_EXAMPLE])
    kind: RunKind
    symbols: list[str] | None = Field(description="Null: all that are enabled, and of an ingest due.")
    table: str | None = Field(description="Of a fill: the table of the coverage grid.", examples=["stocks/bars_1m"])
    note: str | None = Field(description="Of a replay: the id of what is in quarantine.", examples=["1f0c2a9b"])
    start: date | None = Field(description="Of a repair or a fill: the first session date.")
    end: date | None
    state: RunState = Field(description="`stopped`: the service that carried it out was stopped, or died.")
    ordered_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    completed: int = Field(description="Symbols that ran, gaps closed, tasks that ended well, what left quarantine.")
    failed: int = Field(description="Symbols that failed, gaps that stay, tasks that ended badly, what stays there.")
    records: int = Field(description="Rows that are held now and were not before; minutes of gaps are estimated.")
    error: str | None = Field(description="What stopped all of it.")
    errors: dict[str, str] = Field(description="Symbol, session or id to why it failed: the first hundred.")

    @classmethod
    def of(cls, run: Run) -> Self:
        """As the book has it."""
        order, came = run.order, run.progress
        return cls(
            id=run.id,
            kind=order.kind,
            symbols=None if order.symbols is None else list(order.symbols),
            table=order.table,
            note=order.note,
            start=order.start,
            end=order.end,
            state=run.state,
            ordered_at=run.ordered_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            completed=came.completed,
            failed=came.failed,
            records=came.records,
            error=run.error,
            errors=dict(came.errors),
        )


class RunsShown(BaseModel):
    """Runs, the last ordered first."""

    runs: list[RunShown]
    next: str | None = Field(description="Ask again with `after` set to it; null: there are no more.")


class RepairOrdered(BaseModel):
    """Which gaps to close."""

    model_config = ConfigDict(extra="forbid")

    symbols: list[Annotated[str, Field(pattern=TICKER, examples=["AAPL"])]] | None = Field(
        None, min_length=1, max_length=_MOST_SYMBOLS, description="Else the enabled symbols of the registry."
    )
    start: Day | None = Field(None, description="First session date, included.", examples=["2026-03-02"])
    end: Day | None = Field(None, description="Last session date, included.", examples=["2026-03-06"])
    budget: int | None = Field(None, ge=0, le=_MOST_GAPS, description="Gaps at most, the latest first; GAP_BUDGET.")
    again: Annotated[bool, Field(description="Ask for what the vendor is known to lack, too.")] = False

    def order(self) -> Order:
        """As the book takes it. Raises UsageError for dates in reverse."""
        in_order(self.start, self.end)
        symbols = None if self.symbols is None else tuple(sorted(set(self.symbols), key=str.encode))
        return Order(RunKind.REPAIR, symbols, self.start, self.end, self.budget, self.again)


async def _runs(request: Request) -> Runs:
    runs: Runs = request.app.state.runs
    return runs


Under = Annotated[Runs, Depends(_runs)]


@routes.post("/registry/execute", summary="Run the registry", status_code=202, responses=faults(429))
def execute(response: Response, runs: Under) -> RunShown:
    """Run every enabled symbol that is due, as its strategy says. `Location` is where to follow it.

    Runs go one after the other; one that waits already is answered instead of a second.
    """
    return _ordered(response, runs, Order(RunKind.INGEST))


@routes.post("/symbols/{symbol}/execute", summary="Run one symbol", status_code=202, responses=faults(404, 422, 429))
def execute_one(response: Response, desk: At, runs: Under, symbol: Ticker) -> RunShown:
    """Run one symbol now, due or not; 400 while it is disabled. `Location` is where to follow it."""
    if not desk.registry.require(symbol).enabled:
        raise UsageError(f"{symbol} is disabled", remedy=f"enable it: PATCH /api/v1/symbols/{symbol}")
    return _ordered(response, runs, Order(RunKind.INGEST, (symbol,)))


@routes.post("/gaps/repair", summary="Repair gaps", status_code=202, responses=faults(413, 422, 429))
def repair(response: Response, runs: Under, body: RepairOrdered) -> RunShown:
    """Find gaps and fetch exactly those again, as `forebay gaps repair` does. `Location` is where to follow it."""
    return _ordered(response, runs, body.order())


@routes.get("/runs", summary="Runs", responses=faults(404, 422))
def list_runs(runs: Under, after: After = None, limit: Limit = 100) -> RunsShown:
    """What was ordered of any service of this ledger in the last thirty days, the last ordered first."""
    before = None if after is None else _found(runs, after)
    found = runs.book.find(before=before, limit=limit + 1)
    shown = [RunShown.of(run) for run in found[:limit]]
    return RunsShown(runs=shown, next=shown[-1].id if len(found) > limit else None)


@routes.get("/runs/{run_id}", summary="A run", responses=faults(404, 422))
def show_run(runs: Under, run_id: RunId) -> RunShown:
    """How a run fares, whichever service it was ordered of, and after a restart too."""
    return RunShown.of(_found(runs, run_id))


def _found(runs: Runs, run_id: str) -> Run:
    run = runs.book.get(run_id)
    if run is None:
        raise Refusal(404, "there is no such run, or it is long over", "GET /api/v1/runs lists them")
    return run


def ordered(runs: Runs, order: Order) -> Run:
    """What is ordered, put down to be carried out. Raises Refusal (429) while too many orders wait, LedgerError."""
    run = runs.order(order)
    if run is None:
        raise Refusal(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too many runs wait",
            "wait until some are done: the queue's page and GET /api/v1/runs list them",
        )
    return run


def _ordered(response: Response, runs: Runs, order: Order) -> RunShown:
    run = ordered(runs, order)
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    return RunShown.of(run)
