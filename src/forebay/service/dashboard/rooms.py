"""Every page of the dashboard, by the file that makes it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI
from starlette.staticfiles import StaticFiles

from forebay.service.dashboard import (
    events,
    gaps,
    grid,
    login,
    plan,
    quarantine,
    queue,
    schedule,
    streams,
    symbols,
    why,
)
from forebay.service.dashboard.csrf import meant

_ROOMS: tuple[APIRouter, ...] = (
    login.routes,
    events.routes,
    grid.routes,
    why.routes,
    symbols.routes,
    queue.routes,
    gaps.routes,
    streams.routes,
    quarantine.routes,
    schedule.routes,
    plan.routes,
)


def install(service: FastAPI) -> None:
    """Have `service` answer with pages, too. They are for people: its description does not list them."""
    for room in _ROOMS:
        service.include_router(room, dependencies=[Depends(meant)], include_in_schema=False)
    service.mount("/static", StaticFiles(packages=[("forebay.service.dashboard", "static")]), name="static")
