"""`forebay worker`: runs tasks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import load_settings
from forebay.cli.output import ExitCode, tell
from forebay.cli.signals import handling
from forebay.cli.wishes import settle_archive

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.model.task import Lease, Outcome, TaskState
    from forebay.orchestration.worker import Worker


def worker(
    ctx: typer.Context,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", min=1, help="Tasks at the same time (WORKER_CONCURRENCY).")
    ] = None,
    bandwidth: Annotated[
        str | None, typer.Option("--bandwidth", metavar="BYTES", help="A second, such as 20MB (BANDWIDTH_LIMIT).")
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="End when no task is due.")] = False,
    spool: Annotated[
        bool, typer.Option("--spool", help="Download to a local file first, and upload that; resumable.")
    ] = False,
) -> int:
    """Run tasks of the ledger until told to stop; start as many as you like, on as many machines.

    SIGTERM (or Ctrl-C) finishes what runs and ends; a second one gives it back and ends at once. Exit code 3 when a
    task ended in failure, and with --once also when tasks wait that it has no keys for.

    Example: forebay worker --concurrency 4
    """
    settings = load_settings(ctx, {"WORKER_CONCURRENCY": concurrency, "BANDWIDTH_LIMIT": bandwidth})
    from forebay.app import open_app
    from forebay.telemetry.pulse import pulse

    tally = _Tally()
    with open_app(settings) as app:
        app.recover()
        settle_archive(app)
        runner = app.worker(spool=spool)
        runner.on_end = tally
        left = _left_to_others(app, runner)
        with _signals(runner), pulse(settings.folders.services, "worker", app.clock.now) as runner.beat:
            _tell_start(runner)
            if once:
                runner.drain()
            else:
                runner.serve(settings.worker.poll_seconds, Random())
    if runner.aborted:
        _leave()
    return ExitCode.PARTIAL if tally.failed or (once and left) else ExitCode.OK


def _tell_start(runner: Worker) -> None:
    """The first line of a worker's log: from here on it can be told to drain."""
    import structlog

    kinds = ",".join(runner.handlers)
    log = structlog.get_logger(__name__)
    log.info("worker_started", worker=runner.worker_id, concurrency=runner.concurrency, kinds=kinds)


_NEEDS = {
    "mirror": "POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY",
    "load": "POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY",
    "fetch": "POLYGON_API_KEY",
    "identify": "POLYGON_API_KEY",
}


def _left_to_others(app: App, runner: Worker) -> bool:
    """Whether tasks wait that this worker has no keys for; says so."""
    from forebay.model.task import TaskKind

    kinds = [kind for kind in TaskKind if kind not in runner.handlers and app.ledger.tasks.next_due([kind])]
    for kind in kinds:
        tell(f"note: {kind} tasks are waiting that this worker leaves to others: {_NEEDS[kind]} not set")
    return bool(kinds)


class _Tally:
    """Tells of each task as it ends, and counts."""

    def __init__(self) -> None:
        self.failed: set[str] = set()

    def __call__(self, lease: Lease, _: Outcome, state: TaskState) -> None:
        import structlog

        from forebay.model.task import TaskState

        draft = lease.task.draft
        name = f"{draft.destination} {draft.key}"
        self.failed.discard(name)
        if state not in (TaskState.COMPLETED, TaskState.PENDING):
            self.failed.add(name)
        log = structlog.get_logger(__name__)
        log.info("task_ended", kind=draft.kind, key=draft.key, into=draft.destination, state=state)


_DRAINING = b"finishing what runs; the same signal again gives it back and ends\n"


@contextmanager
def _signals(runner: Worker) -> Iterator[None]:
    """The first SIGTERM or SIGINT drains, the second aborts."""
    told: list[int] = []

    def handle(number: int, _: object) -> None:
        told.append(number)
        if len(told) == 1:
            os.write(2, _DRAINING)  # printing could meet a print that this signal has interrupted
            runner.stop()
        else:
            runner.abort()

    with handling(handle):
        yield


def _leave() -> None:
    """End without waiting for threads that hang in the network: their tasks are given back already."""
    tell("stopped; tasks under way were given back")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ExitCode.INTERRUPTED)
