"""`forebay workers`: Celery workers, Flower and, where none is, a Redis, as processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.frame import Frame
from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say, tell
from forebay.errors import BrokerUnavailable

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.services import Services
    from forebay.settings import Settings

app = typer.Typer(help="Start, watch and stop Celery workers on this machine.")

_DEADLINE = 120.0
"""Seconds for all to be ready."""
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Of Flower, on this machine only.")]


@app.command("up")
def up(
    ctx: typer.Context,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=256, help="One of them for discovery (WORKERS).")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, help="Tasks at once in each (WORKER_CONCURRENCY).")
    ] = None,
) -> int:
    """Start what does not run yet, and wait until it is ready: Redis if none answers, and the workers.

    Their logs and pid files are in services/ under FOREBAY_HOME.

    Example: forebay workers up --workers 6
    """
    settings = load_settings(ctx, {"WORKERS": workers, "WORKER_CONCURRENCY": concurrency})
    from forebay.orchestration.celery.services import redis_service, worker_services

    services, env = _services(settings), _environment(ctx, settings)
    redis = redis_service(settings.queue.require_url(), services.folder)
    started = services.start([redis], env, _DEADLINE) if redis else []
    started += services.start(worker_services(settings.worker.workers), env, _DEADLINE)
    _say_started(services, started)
    return ExitCode.OK


@app.command("flower")
def flower(ctx: typer.Context, port: Port = 5555) -> int:
    """Start Flower, Celery's page of workers and tasks, and say where it is.

    Example: forebay workers flower
    """
    settings = load_settings(ctx)
    from forebay.orchestration.celery.services import flower_service

    settings.queue.require_url()
    services = _services(settings)
    _say_started(services, services.start([flower_service(port)], _environment(ctx, settings), _DEADLINE))
    say(f"http://127.0.0.1:{port}")
    return ExitCode.OK


@app.command("down")
def down(
    ctx: typer.Context,
    grace: Annotated[float, typer.Option("--grace", min=0, help="Seconds for tasks under way; then killed.")] = 60,
) -> int:
    """Stop what `up` and `flower` started; tasks under way are finished, or taken over by whoever comes next.

    Example: forebay workers down
    """
    services = _services(load_settings(ctx))
    running = services.running()
    killed = services.stop(running.keys() - {"redis"}, grace)
    killed += services.stop(running.keys() & {"redis"}, grace)
    for name in running:
        say(f"{name}: {'killed' if name in killed else 'stopped'}")
    if not running:
        tell("nothing was running")
    return ExitCode.OK


@app.command("status")
def status(ctx: typer.Context, *, json: Json = False) -> int:
    """Show which processes run, how many hints wait in Redis, how many tasks in the ledger, and what calls are left.

    Example: forebay workers status
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    running = _services(settings).running()
    waiting = _depths(settings)
    with open_app(settings) as wired:
        tasks = {state.value: count for state, count in wired.ledger.tasks.counts().items() if count}
        budget = _budget(wired)
    if json:
        print_json({"running": running, "hints": waiting, "tasks": tasks, "rate budget": budget})
        return ExitCode.OK
    print_table(("process", "pid"), [(name, str(pid)) for name, pid in running.items()])
    say("hints in Redis: " + (", ".join(f"{queue} {depth:,}" for queue, depth in waiting.items()) or "?"))
    say("tasks: " + (", ".join(f"{count:,} {state}" for state, count in tasks.items()) or "none"))
    say(f"rate budget: {budget}")
    return ExitCode.OK


def _budget(wired: App) -> str:
    """How the shared rate budget stands, or why nobody can tell."""
    from forebay.orchestration import checkup

    return checkup.checked("rate budget", lambda: checkup.check_budget(wired.budget)).detail


def _depths(settings: Settings) -> dict[str, int]:
    """Hints by queue; none, and a note, while Redis is away."""
    from forebay.orchestration.celery.services import depths

    try:
        return depths(settings.queue.require_url())
    except BrokerUnavailable as error:
        tell(f"note: {error}")
        return {}


def _services(settings: Settings) -> Services:
    from forebay.orchestration.services import Services

    return Services(settings.folders.services)


def _environment(ctx: typer.Context, settings: Settings) -> dict[str, str]:
    """This process's, and what flags said: services read their settings themselves."""
    frame = ctx.ensure_object(Frame)
    said = {
        "FOREBAY_ENV_FILE": str(Path(frame.env_file).absolute()) if frame.env_file else None,
        "WORKER_CONCURRENCY": str(settings.worker.concurrency),
        "LOG_LEVEL": settings.log.level,
    }
    return {**os.environ, **{name: value for name, value in said.items() if value is not None}}


def _say_started(services: Services, started: Sequence[str]) -> None:
    for name in started:
        say(f"{name}: started, log in {services.log(name)}")
    if not started:
        tell("all were running already")
