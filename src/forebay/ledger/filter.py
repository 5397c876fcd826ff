"""Which tasks a question or an order is about."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from forebay.db.conditions import HAS_FAILED
from forebay.db.tables import tasks
from forebay.ledger.add import CANCELLED
from forebay.model.intervals import Interval
from forebay.model.task import FAILED, TaskKind, TaskState


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks; what is None does not narrow."""

    ids: Collection[int] | None = None
    states: Collection[TaskState] | None = None
    dataset: str | None = None
    table: str | None = None
    symbol: str | None = None
    destination: str | None = None
    kind: TaskKind | None = None
    key: str | None = None
    worker: str | None = None
    """The id of the worker that holds it, or held it last."""
    dates: Interval | None = None
    """Tasks with a session date in it."""
    cancelled: bool | None = None
    """Whether a person gave them up."""

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As SQL conditions, all of which must hold."""
        wanted: list[sa.ColumnElement[bool]] = []
        if self.ids is not None:
            wanted.append(tasks.c.id.in_(self.ids))
        if self.states is not None:
            wanted.append(tasks.c.status.in_([state.value for state in self.states]))
            if set(self.states) <= set(FAILED):
                wanted.append(sa.and_(HAS_FAILED))  # the same again, in the words of their index
        if self.dates is not None:
            wanted += [tasks.c.start_date <= self.dates.end, tasks.c.end_date >= self.dates.start]
        if self.cancelled is not None:
            by_a_person = tasks.c.error_kind.is_not_distinct_from(CANCELLED)
            wanted.append(by_a_person if self.cancelled else sa.not_(by_a_person))
        return wanted + [tasks.c[name] == value for name, value in self._equal().items() if value is not None]

    def _equal(self) -> dict[str, str | None]:
        return {
            "dataset": self.dataset,
            "table_name": self.table,
            "symbol": self.symbol,
            "destination": self.destination,
            "kind": self.kind and self.kind.value,
            "key": self.key,
            "worker_id": self.worker,
        }
