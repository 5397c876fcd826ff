"""`forebay tasks`: the queue, looked at and set going again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say
from forebay.errors import UsageError
from forebay.feeds_file import nearest
from forebay.model.task import TaskState

if TYPE_CHECKING:
    from forebay.model.task import Task

app = typer.Typer(help="List, show and retry tasks.")

State = Annotated[
    list[str] | None, typer.Option("--state", metavar="STATE...", help="pending, completed, permanent_failure, ...")
]


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
    from forebay.ledger.tasks import TaskFilter

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
    """Let failed and given-up tasks start over, due now.

    Example: forebay tasks retry
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.ledger.tasks import TaskFilter

    with open_app(settings) as wired:
        count = wired.ledger.tasks.retry(TaskFilter(ids=task_ids or None))
    say(f"{count} tasks start over; `forebay sync` runs them")
    return ExitCode.OK


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
