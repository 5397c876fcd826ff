"""Tasks that are held back: paused by a person, or until another destination's task for the same key is over."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import sqlalchemy as sa

from forebay.db.conditions import HELD_BACK, UNFINISHED, WAITING
from forebay.db.tables import tasks
from forebay.model.task import TaskDraft, TaskState

PAUSED = "paused"
_AFTER = "after:"
_BOTH = f"{PAUSED},"
_first = tasks.alias("first")


def pause(connection: sa.Connection, which: list[sa.ColumnElement[bool]]) -> int:
    """Hold back the unfinished tasks of `which` that are not paused yet; how many.

    An attempt that has begun goes on to its end; only the next one waits.
    """
    paused = sa.case((tasks.c.hold.is_(None), PAUSED), else_=sa.literal(_BOTH) + tasks.c.hold)
    not_yet = sa.or_(tasks.c.hold.is_(None), ~_is_paused())
    return connection.execute(sa.update(tasks).where(*which, UNFINISHED, not_yet).values(hold=paused)).rowcount


def resume(connection: sa.Connection, which: list[sa.ColumnElement[bool]]) -> int:
    """Undo `pause`; how many. What waits for another destination goes on waiting for it."""
    left = sa.func.nullif(sa.func.substr(tasks.c.hold, len(_BOTH) + 1), "")
    return connection.execute(sa.update(tasks).where(*which, HELD_BACK, _is_paused()).values(hold=left)).rowcount


def hold_back(connection: sa.Connection, drafts: Iterable[TaskDraft]) -> None:
    """Let the waiting tasks of these drafts wait for what they are to come after, if that is unfinished."""

    def order(draft: TaskDraft) -> tuple[str, str]:
        return draft.destination, draft.after or ""

    later = [draft for draft in drafts if draft.after not in (None, draft.destination)]
    for (destination, first), group in groupby(sorted(later, key=order), key=order):
        keys = _unfinished(connection, first, [draft.key for draft in group])
        own = (tasks.c.destination == destination, tasks.c.key.in_(keys))
        waiting = sa.update(tasks).where(*own, WAITING, tasks.c.hold.is_(None))
        connection.execute(waiting.values(hold=_AFTER + first))


def _unfinished(connection: sa.Connection, destination: str, keys: list[str]) -> list[str]:
    """Locked, so that none of them ends between this look and the caller's commit."""
    query = sa.select(tasks.c.key).where(tasks.c.destination == destination, tasks.c.key.in_(keys), UNFINISHED)
    return list(connection.scalars(query.order_by(tasks.c.id).with_for_update()))


def let_go(connection: sa.Connection, destination: str, key: str) -> None:
    """Whoever waits for the task of `destination` for `key` may begin: it is over."""
    connection.execute(_LET_GO, {"holds": [_AFTER + destination, _BOTH + _AFTER + destination], "its_key": key})


def let_go_orphans(connection: sa.Connection) -> int:
    """Release all who wait for a task that does not exist or is over; how many."""
    return connection.execute(sa.update(tasks).where(*_orphaned()).values(hold=None)).rowcount


def has_orphans(connection: sa.Connection) -> bool:
    """Whether `let_go_orphans` would find any: a look that takes no lock."""
    return connection.scalar(sa.select(tasks.c.id).where(*_orphaned()).limit(1)) is not None


def _orphaned() -> tuple[sa.ColumnElement[bool] | sa.TextClause, ...]:
    awaited = sa.func.substr(tasks.c.hold, len(_AFTER) + 1)
    over = [state.value for state in TaskState if state.over]
    same = (_first.c.destination == awaited, _first.c.key == tasks.c.key)
    first = sa.exists().where(*same, _first.c.status.not_in(over))
    return HELD_BACK, tasks.c.hold.startswith(_AFTER), ~first


def _is_paused() -> sa.ColumnElement[bool]:
    return tasks.c.hold.startswith(PAUSED)


_LET_GO = (
    sa.update(tasks)
    .where(tasks.c.hold.in_(sa.bindparam("holds", expanding=True)), tasks.c.key == sa.bindparam("its_key"))
    .values(hold=sa.case((_is_paused(), PAUSED), else_=None))
)
