"""The queue: how many tasks wait, who works on which, how fast it goes, and what is left of the calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import Field, TypeAdapter

from forebay.errors import ForebayError
from forebay.ledger.at_work import Held, Minute, held, throughput
from forebay.ledger.filter import TaskFilter
from forebay.ledger.tasks import Tasks
from forebay.model.task import Task, TaskKind, TaskState
from forebay.service.cursors import Next, cursor, row_of
from forebay.service.dashboard.pages import back_to, render
from forebay.service.desk import At, Desk
from forebay.service.faults import Refusal
from forebay.service.routes.tasks import TaskId
from forebay.service.words import TABLE, Instant
from forebay.symbols.registry_rows import TICKER

routes = APIRouter()
_MINUTES = 60
_ROWS = 50
_HELD = 500
_RUNS = 8
_PLACE = TypeAdapter(tuple[Instant, Annotated[int, Field(ge=1)]])
_ACTIONS = ("retry", "pause", "resume", "cancel")
State = TaskState | Literal[""]
Chosen = TaskKind | Literal[""]


@routes.get("/queue")
def queue(
    request: Request,
    desk: At,
    state: State = "",
    kind: Chosen = "",
    table: Annotated[str, Query(pattern=f"{TABLE}|^$")] = "",
    symbol: Annotated[str, Query(pattern=f"{TICKER}|^$")] = "",
    after: Next = None,
) -> Response:
    """The whole queue, and a page of its tasks, the last changed first."""
    database, now = desk.ledger.database, desk.app.clock.now()
    chosen = {"state": str(state), "kind": str(kind), "table": table, "symbol": symbol}
    which = TaskFilter(
        states=[state] if isinstance(state, TaskState) else None,
        kind=kind if isinstance(kind, TaskKind) else None,
        table=table or None,
        symbol=symbol or None,
    )
    found = desk.ledger.tasks.find(which, limit=_ROWS + 1, after=row_of(_PLACE, after))
    minutes = throughput(database, now, _MINUTES)
    return render(
        request,
        "queue.html",
        counts=desk.counts(),
        due=desk.ledger.tasks.next_due(),
        workers=_by_worker(held(database, limit=_HELD)),
        minutes=minutes,
        bars=_bars(minutes),
        budget=_budget(desk),
        runs=desk.book().find(limit=_RUNS),
        tasks=found[:_ROWS],
        following=_following(found, chosen),
        chosen=chosen,
        states=list(TaskState),
        kinds=list(TaskKind),
        redact=desk.redact,
    )


@routes.get("/queue/{task_id}")
def task(request: Request, desk: At, task_id: TaskId) -> Response:
    """One task with its history."""
    return render(request, "task.html", task=_found(desk, task_id), redact=desk.redact)


@routes.post("/queue/{task_id}")
def act(desk: At, task_id: TaskId, action: Annotated[str, Form(max_length=20)]) -> Response:
    """Start one task over, hold it back, let it go on, or give it up."""
    _found(desk, task_id)
    _act(desk.ledger.tasks, action, TaskFilter(ids=[task_id]))
    return back_to(f"/queue/{task_id}")


@routes.post("/queue")
def act_on_all(desk: At, action: Annotated[str, Form(max_length=20)]) -> Response:
    """Start over what failed, or hold all back, or let all go on."""
    if action == "cancel":
        raise Refusal(400, "everything at once is not given up here", "forebay tasks cancel --all")
    _act(desk.ledger.tasks, action, TaskFilter())
    return back_to("/queue")


def _act(tasks: Tasks, action: str, which: TaskFilter) -> int:
    if action not in _ACTIONS:
        raise Refusal(400, "there is no such action", "choose one of the buttons")
    if action == "cancel":
        return tasks.cancel(which, "cancelled by a person")
    change = {"retry": tasks.retry, "pause": tasks.pause, "resume": tasks.resume}[action]
    return change(which)


def _found(desk: Desk, task_id: int) -> Task:
    found = desk.ledger.tasks.get(task_id)
    if found is None:
        raise Refusal(404, f"there is no task {task_id}", "the queue lists them: /queue")
    return found


def _by_worker(several: Sequence[Held]) -> dict[str, list[Held]]:
    found = defaultdict[str, list[Held]](list)
    for each in several:
        found[each.task.worker_id or ""].append(each)
    return found


def _budget(desk: Desk) -> object:
    """The calls to the vendor; None while nobody can tell."""
    try:
        return desk.opened().budget.standing()
    except ForebayError:
        return None


def _following(found: Sequence[Task], chosen: dict[str, str]) -> str | None:
    """The query of the next page."""
    if len(found) <= _ROWS:
        return None
    last = found[_ROWS - 1]
    named = {name: value for name, value in chosen.items() if value}
    return urlencode({**named, "after": cursor(_PLACE, (last.updated_at, last.id))})


_HEIGHT = 40


def _bars(minutes: Sequence[Minute]) -> list[tuple[int, float, float, int]]:
    """Of each minute its place, top, height and number of tasks, in a drawing that is `_HEIGHT` high."""
    most = max((each.tasks for each in minutes), default=0) or 1
    heights = [each.tasks / most * _HEIGHT for each in minutes]
    return [
        (place, round(_HEIGHT - high, 1), round(high, 1), each.tasks)
        for place, (each, high) in enumerate(zip(minutes, heights, strict=True))
    ]
