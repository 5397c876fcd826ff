"""`create_app`: settings in, an ASGI application out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI, Security
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from forebay import __version__
from forebay.app import App, new_worker_id, open_app
from forebay.clock import Clock, SystemClock
from forebay.service import faults
from forebay.service.dashboard import rooms
from forebay.service.dashboard.attempts import Attempts
from forebay.service.dashboard.events import Events
from forebay.service.dashboard.headers import Guarded
from forebay.service.dashboard.session import Sessions, Tokens
from forebay.service.desk import Desk
from forebay.service.doors import Doors
from forebay.service.figures import Figures
from forebay.service.fresh import Fresh
from forebay.service.metrics import Counted, Metrics
from forebay.service.routes import (
    bars,
    coverage,
    gaps,
    grid,
    health,
    metrics,
    runs,
    scheduler,
    snapshots,
    streams,
    symbols,
    tasks,
)
from forebay.service.runs import Runs
from forebay.service.words import only_described
from forebay.settings import Settings
from forebay.telemetry.redact import Redactor

_ABOUT = "Market data held on your own storage: what is kept, how complete it is, and the bars themselves."
_ROOMS = (symbols, runs, scheduler, bars, snapshots, streams, tasks, coverage, grid, gaps, metrics)


def create_app(settings: Settings, clock: Clock | None = None) -> FastAPI:
    """The service over what `settings` name. Opens nothing before it is asked; closes everything when it is shut down.

    With FOREBAY_API_TOKEN or FOREBAY_API_READ_TOKEN a token must be shown; without them only this machine is answered.
    """
    desk = Desk(App(settings, clock or SystemClock(), new_worker_id()), Redactor(settings.secrets()))

    runs = Runs(partial(open_app, settings, desk.app.clock), desk.book, desk.app.worker_id, desk.changes.note)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        runs.start()
        yield
        await run_in_threadpool(runs.stop)
        await run_in_threadpool(desk.close)

    # Its pages of documentation would load scripts from elsewhere into an origin that may order work.
    service = FastAPI(
        title="Forebay", version=__version__, description=_ABOUT, lifespan=life, docs_url=None, redoc_url=None
    )
    service.state.desk = desk
    service.state.runs = runs
    service.state.metrics = Metrics(Figures(desk))
    faults.install(service)
    service.include_router(health.routes)
    for room in _ROOMS:
        service.include_router(room.routes, dependencies=[Security(_BEARER), Depends(only_described)])
    rooms.install(service)
    service.state.events = Events(desk.marks)
    service.state.tokens = Tokens.of(settings.service)
    service.state.sessions = Sessions(service.state.tokens, desk.app.clock)
    service.state.attempts = Attempts(desk.app.clock)
    service.add_middleware(Fresh, changes=desk.changes)
    service.add_middleware(Doors, tokens=service.state.tokens, sessions=service.state.sessions)
    service.add_middleware(Guarded)
    service.add_middleware(Counted, metrics=service.state.metrics)
    return service


_BEARER = HTTPBearer(auto_error=False, description="FOREBAY_API_TOKEN, where one is set. The door looks at it.")
