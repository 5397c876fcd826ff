"""`forebay tasks`: the queue, looked at and set going again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say
from forebay.errors import UsageError
from forebay.feeds_file import dataset_named, nearest
from forebay.model.task import TaskState

if TYPE_CHECKING:
    from forebay.ledger.filter import TaskFilter
    from forebay.ledger.tasks import Tasks
    from forebay.model.task import Task

app = typer.Typer(help="List tasks; retry, pause, cancel and reorder them.")

State = Annotated[
    list[str] | None, typer.Option("--state", metavar="STATE...", help="pending, completed, permanent_failure, ...")
]
Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID...]", help="Their numbers.")]
OfDataset = Annotated[str | None, typer.Option("--dataset", metavar="NAME", help="All of this dataset.")]
Everything = Annotated[bool, typer.Option("--all", help="All there are.")]


@app.command("list")
def list_tasks(
    ctx: typer.Context,
    state: State = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    *,
    json: Json = False,
) -> int:
    """List tasks, the last changed first.

    Example: forebay tasks list --state permanent_failure
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.ledger.filter import TaskFilter

    with open_app(settings) as wired:
        found = wired.ledger.tasks.find(TaskFilter(states=_states(state)), limit=limit)
    if json:
        print_json([_task_json(task) for task in found])
    else:
        heads = ("id", "key", "state", "attempt", "worker", "updated", "error")
        print_table(heads, [_task_row(task) for task in found])
    return ExitCode.OK


@app.command("show")
def show_task(ctx: typer.Context, task_id: int, *, json: Json = False) -> int:
    """Show one task with its history.

    Example: forebay tasks show 17
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    with open_app(settings) as wired:
        task = wired.ledger.tasks.get(task_id)
    if task is None:
        raise UsageError(f"there is no task {task_id}", remedy="`forebay tasks list` shows their numbers")
    shown = _task_json(task)
    if json:
        print_json(shown)
    else:
        history = shown.pop("history")
        for name, value in shown.items():
            say(f"{name}: {'-' if value is None else value}")
        for state, since in history.items():
            say(f"  {since:%Y-%m-%d %H:%M:%S} {state}")
    return ExitCode.OK


@app.command("retry")
def retry_tasks(
    ctx: typer.Context,
    task_ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID...]", help="These; none means all failed.")
    ] = None,
) -> int:
    """Let failed, given-up and put-off tasks start over, due now.

    Example: forebay tasks retry
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.ledger.filter import TaskFilter

    with open_app(settings) as wired:
        _check_ids(wired.ledger.tasks, task_ids)
        count = wired.ledger.tasks.retry(TaskFilter(ids=task_ids or None))
    say(f"{count} tasks start over; `forebay sync` or `forebay worker` runs them")
    return ExitCode.OK


@app.command("pause")
def pause_tasks(ctx: typer.Context, ids: Ids = None, dataset: OfDataset = None, *, every: Everything = False) -> int:
    """Hold waiting tasks back until they are resumed; those at work are finished.

    Example: forebay tasks pause --dataset us_stocks_sip/quotes_v1
    """
    return _change(ctx, _which(ids, dataset, every=every), lambda tasks, which: tasks.pause(which), "paused")


@app.command("resume")
def resume_tasks(ctx: typer.Context, ids: Ids = None, dataset: OfDataset = None, *, every: Everything = False) -> int:
    """Let paused tasks go on.

    Example: forebay tasks resume --all
    """
    return _change(ctx, _which(ids, dataset, every=every), lambda tasks, which: tasks.resume(which), "resumed")


@app.command("cancel")
def cancel_tasks(ctx: typer.Context, ids: Ids = None, dataset: OfDataset = None, *, every: Everything = False) -> int:
    """Give tasks up, those at work too. Only `tasks retry` or `discoverer on-demand` starts them over.

    Example: forebay tasks cancel 17 18
    """
    which = _which(ids, dataset, every=every)
    return _change(ctx, which, lambda tasks, which: tasks.cancel(which, "cancelled by a person"), "cancelled")


@app.command("prioritise")
def prioritise_tasks(
    ctx: typer.Context,
    priority: Annotated[int, typer.Option("--priority", help="Higher runs first; a fresh day's is about 1,480,000.")],
    ids: Ids = None,
    dataset: OfDataset = None,
    *,
    every: Everything = False,
) -> int:
    """Let waiting tasks run sooner, or later.

    Example: forebay tasks prioritise --priority 9999999 17
    """
    which = _which(ids, dataset, every=every)
    return _change(ctx, which, lambda tasks, which: tasks.prioritise(which, priority), "reordered")


def _which(ids: list[int] | None, dataset: str | None, *, every: bool) -> _Which:
    if not ids and dataset is None and not every:
        raise UsageError("no task is named", remedy="give their numbers, --dataset NAME, or --all")
    return _Which(ids, dataset_named(dataset).name if dataset else None)


@dataclass(frozen=True, slots=True)
class _Which:
    """Tasks as the flags of a command name them."""

    ids: list[int] | None
    dataset: str | None


def _change(ctx: typer.Context, which: _Which, change: Callable[[Tasks, TaskFilter], int], done: str) -> int:
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.ledger.filter import TaskFilter

    with open_app(settings) as wired:
        _check_ids(wired.ledger.tasks, which.ids)
        count = change(wired.ledger.tasks, TaskFilter(ids=which.ids or None, dataset=which.dataset))
    say(f"{count} tasks {done}")
    return ExitCode.OK


def _check_ids(tasks: Tasks, ids: Collection[int] | None) -> None:
    """Raise UsageError for numbers of no task, with nothing changed."""
    from forebay.ledger.filter import TaskFilter

    known = {task.id for task in tasks.find(TaskFilter(ids=ids), limit=len(ids))} if ids else set()
    if unknown := sorted(set(ids or ()) - known):
        raise UsageError(
            f"there is no task {', '.join(map(str, unknown))}", remedy="`forebay tasks list` shows their numbers"
        )


def _states(names: list[str] | None) -> list[TaskState] | None:
    for name in names or ():
        if name not in list(TaskState):
            raise UsageError(f"unknown state {name!r}", remedy=nearest(name, list(TaskState)))
    return [TaskState(name) for name in names] if names else None


def _task_row(task: Task) -> tuple[Any, ...]:
    updated = f"{task.updated_at:%Y-%m-%d %H:%M:%S}"
    return task.id, task.draft.key, task.state, task.attempt, task.worker_id, updated, task.error_message


def _task_json(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "key": task.draft.key,
        "kind": task.draft.kind,
        "partition": str(task.draft.partition),
        "destination": task.draft.destination,
        "state": task.state,
        "hold": task.hold,
        "attempt": task.attempt,
        "crashes": task.crashes,
        "worker_id": task.worker_id,
        "error_kind": task.error_kind,
        "error_message": task.error_message,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "available_at": task.available_at,
        "history": dict(task.history),
    }
