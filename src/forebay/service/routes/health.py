"""Whether the service lives, and whether it can be of use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from forebay.errors import ForebayError
from forebay.service.desk import At
from forebay.service.faults import faults

routes = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What the service needs, and whether it is there."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, str] = Field(
        description="`ok`, or the kind of what is wrong; the log has the words.",
        examples=[{"ledger": "ok", "lake": "ok"}],
    )


@routes.get("/health", summary="Liveness", responses=faults())
def health() -> Health:
    """That the process answers. Asks nothing else: a database that is away is no reason to start it anew."""
    return Health()


@routes.get(
    "/ready", summary="Readiness", responses={**faults(), 503: {"model": Ready, "description": "Something is away"}}
)
def ready(desk: At, response: Response) -> Ready:
    """Whether ledger and lake can be reached: 503 while one cannot."""
    checks = {"ledger": _tried(desk.counts), "lake": _tried(desk.check_lake)}
    fine = all(found == "ok" for found in checks.values())
    if not fine:
        response.status_code = 503
    return Ready(status="ready" if fine else "not_ready", checks=checks)


def _tried(look: Callable[[], object]) -> str:
    try:
        look()
    except ForebayError as error:
        return error.kind
    return "ok"
