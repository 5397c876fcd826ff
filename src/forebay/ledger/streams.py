"""The book of streams: which process streams which cluster, how that goes, and until when everything was heard."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import streams as table
from forebay.db.upsert import insert_new
from forebay.model.live import Cluster, StreamHealth, StreamState, Subscription

LEASE = timedelta(seconds=30)
"""A process that is silent for this long streams no more."""
RENEW = 5.0
"""Seconds between two notes of a stream's health, which renew its lease."""


class Streams:
    """The table of streams; a cluster is one process's at a time. All methods raise LedgerError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def take(self, cluster: Cluster, worker: str) -> bool:
        """Have the cluster for `LEASE`; false while another process has it. What it heard stays noted."""
        now = self._clock.now()
        new = StreamHealth(cluster, None, StreamState.STOPPED)
        free = sa.or_(table.c.worker_id.is_(None), table.c.worker_id == worker, table.c.lease_expires_at <= now)
        taking = sa.update(table).where(table.c.cluster == cluster.value, free)
        with self._database.write() as connection:
            insert_new(connection, table, [{**_columns(new), "heard_until": None, "updated_at": now}])
            held = {"worker_id": worker, "lease_expires_at": now + LEASE, "started_at": now, "updated_at": now}
            return connection.execute(taking.values(**held)).rowcount == 1

    def note(self, health: StreamHealth) -> bool:
        """Write down how a stream is, which renews its lease; false when another process has taken the cluster."""
        now = self._clock.now()
        values = {**_columns(health), "lease_expires_at": now + LEASE, "updated_at": now}
        return self._change(health, {**values, **_heard(health)})

    def leave(self, health: StreamHealth) -> None:
        """Let another process have the cluster at once; what this one heard stays noted."""
        over = {"worker_id": None, "lease_expires_at": None, "updated_at": self._clock.now()}
        self._change(health, {**_columns(health), **_heard(health), **over, "state": StreamState.STOPPED.value})

    def look(self) -> list[StreamHealth]:
        """How each cluster's stream is that was ever streamed. One whose process is gone is stopped."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.cluster)).mappings().all()
        return [self._read(row) for row in rows]

    def abandoned(self) -> set[Cluster]:
        """The clusters whose process is gone and did not say that it ends."""
        gone = (table.c.worker_id.is_not(None), table.c.lease_expires_at <= self._clock.now())
        with self._database.read() as connection:
            return {Cluster(name) for name in connection.scalars(sa.select(table.c.cluster).where(*gone))}

    def _change(self, health: StreamHealth, values: dict[str, Any]) -> bool:
        mine = sa.update(table).where(table.c.cluster == health.cluster.value, table.c.worker_id == health.worker)
        with self._database.write() as connection:
            return connection.execute(mine.values(**values)).rowcount == 1

    def _read(self, row: sa.RowMapping) -> StreamHealth:
        expires = row["lease_expires_at"]
        alive = expires is not None and expires > self._clock.now()
        return StreamHealth(
            cluster=Cluster(row["cluster"]),
            worker=row["worker_id"] if alive else None,
            state=StreamState(row["state"]) if alive else StreamState.STOPPED,
            subscriptions=tuple(Subscription.of(each) for each in row["subscriptions"]),
            **{name: row[name] for name in _PLAIN},
        )


_PLAIN = (
    *("started_at", "heard_until", "last_message", "lag", "reconnects", "gap_seconds"),
    *("counts", "error", "updated_at"),
)
_OWN = ("heard_until", "started_at", "updated_at")
"""Written on their own: a process that has heard nothing yet must not forget what the one before it heard."""


def _columns(health: StreamHealth) -> dict[str, Any]:
    values = {name: value for name, value in asdict(health).items() if name in _PLAIN and name not in _OWN}
    spelled = [str(each) for each in health.subscriptions]
    return {**values, "cluster": health.cluster.value, "state": health.state.value, "subscriptions": spelled}


def _heard(health: StreamHealth) -> dict[str, Any]:
    return {"heard_until": health.heard_until} if health.heard_until else {}
