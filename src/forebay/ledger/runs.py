"""The book of runs: what was ordered over HTTP, who carries it out, and what became of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.conditions import RUN_WAITS
from forebay.db.engine import Database
from forebay.db.tables import runs as table
from forebay.db.upsert import insert_new
from forebay.model.run import Order, Progress, Run, RunKind, RunState

LEASE = timedelta(seconds=60)
"""A service that is silent for this long carries nothing out any more."""
KEPT = timedelta(days=30)
"""How long a run is remembered."""
MOST_WAITING = 200
_DIED = "the service that carried it out is gone; what it did is kept: order it again for the rest"
_NOTHING = Progress()


class RunBook:
    """The table of runs; safe among services. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def order(self, order: Order) -> Run | None:
        """Put an order down, or find the same one that waits already; None: too many wait."""
        now, asked = self._clock.now(), _text(order)
        row = {"id": uuid4().hex, "asked": asked, "state": RunState.WAITING.value, "ordered_at": now}
        with self._database.write() as connection:
            connection.execute(sa.delete(table).where(table.c.ordered_at < now - KEPT, table.c.started_at.is_not(None)))
            waiting = connection.scalars(sa.select(table.c.asked).where(RUN_WAITS)).all()
            if asked not in waiting and len(waiting) >= MOST_WAITING:
                return None
            insert_new(connection, table, [row | asdict(_NOTHING)])
            same = sa.select(table).where(table.c.asked == asked)  # somebody may have begun it meanwhile
            newest = same.order_by(table.c.started_at.is_not(None), table.c.ordered_at.desc()).limit(1)
            return self._read(connection.execute(newest).mappings().one())

    def claim(self, service: str) -> Run | None:
        """Take the order that waits longest, to carry it out; None when none waits."""
        now = self._clock.now()
        oldest = sa.select(table.c.id).where(RUN_WAITS).order_by(table.c.ordered_at, table.c.id).limit(1)
        with self._database.write() as connection:
            found = connection.scalar(oldest.with_for_update(skip_locked=True))
            taking = sa.update(table).where(table.c.id == found).returning(table)
            held = {"service": service, "lease_expires_at": now + LEASE}
            values = {"state": RunState.RUNNING.value, "started_at": now, **held}
            row = connection.execute(taking.values(**values)).mappings().one_or_none()
            return None if row is None else self._read(row)

    def note(self, run: Run, service: str, progress: Progress) -> None:
        """Write down how far it has come, which holds on to it for another `LEASE`."""
        values = {**asdict(progress), "lease_expires_at": self._clock.now() + LEASE}
        with self._database.write(durable=False) as connection:
            connection.execute(_held(run, service).values(**values))

    def finish(self, run: Run, service: str, state: RunState, progress: Progress, error: str | None = None) -> None:
        """Write down how it ended."""
        over = {"state": state.value, "finished_at": self._clock.now(), "lease_expires_at": None}
        with self._database.write() as connection:
            connection.execute(_held(run, service).values(**asdict(progress), **over, error=error))

    def get(self, run_id: str) -> Run | None:
        """One run as it is now; None when there is none, or it is long over."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(table).where(table.c.id == run_id)).mappings().one_or_none()
            return None if row is None else self._read(row)

    def find(self, *, before: Run | None = None, limit: int = 100) -> list[Run]:
        """The runs, the last ordered first, at most `limit`; those that come after `before`."""
        query = sa.select(table).order_by(table.c.ordered_at.desc(), table.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(sa.tuple_(table.c.ordered_at, table.c.id) < (before.ordered_at, before.id))
        with self._database.read() as connection:
            return [self._read(row) for row in connection.execute(query).mappings()]

    def _read(self, row: sa.RowMapping) -> Run:
        state, ended, error = RunState(row["state"]), row["finished_at"], row["error"]
        if state is RunState.RUNNING and row["lease_expires_at"] <= self._clock.now():
            state, ended, error = RunState.STOPPED, row["lease_expires_at"] - LEASE, _DIED
        progress = Progress(row["completed"], row["failed"], row["records"], row["errors"])
        times = row["ordered_at"], row["started_at"], ended
        return Run(row["id"], _order(row["asked"]), state, *times, progress, error)


def _held(run: Run, service: str) -> sa.Update:
    running = table.c.state == RunState.RUNNING.value
    return sa.update(table).where(table.c.id == run.id, table.c.service == service, running)


def _text(order: Order) -> str:
    return json.dumps(asdict(order), default=str, sort_keys=True)


def _order(text: str) -> Order:
    said: dict[str, Any] = json.loads(text)
    symbols, start, end = said.pop("symbols"), said.pop("start"), said.pop("end")
    return Order(
        RunKind(said.pop("kind")),
        None if symbols is None else tuple(symbols),
        start and date.fromisoformat(start),
        end and date.fromisoformat(end),
        **said,
    )
