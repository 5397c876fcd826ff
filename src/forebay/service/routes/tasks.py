"""The queue, looked at."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, TypeAdapter

from forebay.ledger.filter import TaskFilter
from forebay.model.task import Task, TaskKind, TaskState
from forebay.service.cursors import Next, cursor, row_of
from forebay.service.desk import At
from forebay.service.faults import Refusal, faults
from forebay.service.words import Instant, Limit, Symbol, Table

routes = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])
_LAST = 2**63 - 1
_PLACE = TypeAdapter(tuple[Instant, Annotated[int, Field(ge=1, le=_LAST)]])
"""When a task changed, and its number: its place among all."""
TaskId = Annotated[int, Path(ge=1, le=_LAST, description="Its number.", examples=[17])]


class TaskShown(BaseModel):
    """A task of the ledger. Times are UTC."""

    id: int = Field(examples=[17])
    key: str = Field(examples=["us_stocks_sip/minute_aggs_v1/2026/03/2026-03-02.csv.gz"])
    kind: TaskKind
    table: str = Field(examples=["stocks/bars_1m"])
    symbol: str = Field(description="`*` is every symbol.", examples=["AAPL"])
    start: date
    end: date
    destination: str = Field(examples=["lake"])
    state: TaskState
    hold: str | None = Field(description="What holds it back.")
    attempt: int
    worker_id: str | None
    error_kind: str | None
    error_message: str | None
    created_at: datetime
    updated_at: datetime
    available_at: datetime = Field(description="Not begun before.")
    history: dict[str, datetime] = Field(description="State to when it was last entered.")

    @classmethod
    def of(cls, task: Task) -> Self:
        """As the ledger has it."""
        draft, partition = task.draft, task.draft.partition
        told: dict[str, Any] = {name: getattr(task, name) for name in cls.model_fields if hasattr(task, name)}
        told |= {"key": draft.key, "kind": draft.kind, "destination": draft.destination}
        told |= {"table": partition.table, "symbol": partition.symbol}
        return cls(**told, start=partition.dates.start, end=partition.dates.end)


class TasksShown(BaseModel):
    """Tasks, the last changed first."""

    tasks: list[TaskShown]
    next: str | None = Field(description="Ask again with `after` set to it; null: there are no more.")
    counts: dict[TaskState, int] = Field(description="How many there are in each state, of all.")


@routes.get("", summary="Tasks", responses=faults(422))
def list_tasks(
    desk: At,
    state: Annotated[list[TaskState] | None, Query(description="In one of these states.")] = None,
    kind: Annotated[TaskKind | None, Query(description="Of this kind.")] = None,
    table: Table = None,
    symbol: Symbol = None,
    after: Next = None,
    limit: Limit = 100,
) -> TasksShown:
    """The tasks that match, the last changed first, and how many tasks there are in each state.

    One that changes while the pages are read comes to the front: it is on none of them, or on two.
    """
    book = desk.ledger.tasks
    which = TaskFilter(states=state or None, kind=kind, table=table, symbol=symbol)
    found = book.find(which, limit=limit + 1, after=row_of(_PLACE, after))
    shown = [TaskShown.of(task) for task in found[:limit]]
    following = cursor(_PLACE, (shown[-1].updated_at, shown[-1].id)) if len(found) > limit else None
    return TasksShown(tasks=shown, next=following, counts=book.counts())


@routes.get("/{task_id}", summary="One task", responses=faults(404, 422))
def show_task(desk: At, task_id: TaskId) -> TaskShown:
    """One task with its history: what an order's answer points to."""
    task = desk.ledger.tasks.get(task_id)
    if task is None:
        raise Refusal(404, f"there is no task {task_id}", "GET /api/v1/tasks lists them")
    return TaskShown.of(task)
