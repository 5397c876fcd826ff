"""Running the registry: ordered here, carried out beside, followed by its address."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from forebay.errors import UnknownSymbol
from forebay.service.desk import At
from forebay.service.faults import faults
from forebay.service.runs import Runs, RunState
from forebay.service.words import Ticker

routes = APIRouter(prefix="/api/v1", tags=["runs"])
RunId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", examples=["5f0c1d2e3b4a59687786a5b4c3d2e1f0"])]
_TOO_MANY = 429


class RunShown(BaseModel):
    """A run of the registry. Times are UTC; each symbol's own state is in the registry."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    symbol: str | None = Field(description="Null: all that are due.")
    state: RunState
    ordered_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    completed: int = Field(description="Symbols.")
    failed: int = Field(description="Symbols.")
    records: int = Field(description="Rows that are held now and were not before.")
    error: str | None = Field(description="What stopped all of them.")
    errors: dict[str, str] = Field(description="Symbol to why it failed: the first hundred.")


@routes.post("/registry/execute", summary="Run the registry", status_code=202, responses=faults(429))
def execute(request: Request, response: Response) -> RunShown:
    """Run every enabled symbol that is due, as its strategy says. `Location` is where to follow it.

    Runs go one after the other; one that waits already is answered instead of a second.
    """
    return _ordered(request, response, None)


@routes.post("/symbols/{symbol}/execute", summary="Run one symbol", status_code=202, responses=faults(404, 422, 429))
def execute_one(request: Request, response: Response, desk: At, symbol: Ticker) -> RunShown:
    """Run one symbol now, due or not; nothing while it is disabled. `Location` is where to follow it."""
    if desk.registry.get(symbol) is None:
        raise UnknownSymbol(f"{symbol} is not in the registry", remedy="POST it to /api/v1/symbols; case matters")
    return _ordered(request, response, symbol)


@routes.get("/runs/{run_id}", summary="A run", responses=faults(404, 422))
def show_run(request: Request, run_id: RunId) -> RunShown:
    """How a run fares that was ordered of this service since it started."""
    run = _runs(request).get(run_id)
    if run is None:
        raise HTTPException(404, "there is no such run, or it is long over: GET /api/v1/symbols says how symbols fare")
    return RunShown.model_validate(run)


def _ordered(request: Request, response: Response, symbol: str | None) -> RunShown:
    run = _runs(request).order(symbol)
    if run is None:
        raise HTTPException(_TOO_MANY, "too many runs wait: follow those first")
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    return RunShown.model_validate(run)


def _runs(request: Request) -> Runs:
    runs: Runs = request.app.state.runs
    return runs
