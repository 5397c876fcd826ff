"""The book of consumers: which processes store what Kafka carries, and how that goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import consumers as table
from forebay.db.upsert import upsert
from forebay.model.consuming import ConsumerHealth, TopicFigures

LEASE = timedelta(seconds=60)
"""A process that is silent for this long consumes no more."""
RENEW = 5.0
"""Seconds between two notes of a consumer's figures."""
_REMEMBERED = timedelta(days=1)
"""How long those stay to be seen that are gone."""


class Consumers:
    """The table of consumers. All methods raise LedgerError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, health: ConsumerHealth) -> None:
        """Write down how a process is, which shows that it lives; those gone for a day are forgotten."""
        now = self._clock.now()
        row = {**_columns(health), "updated_at": now, "lease_expires_at": now + LEASE if health.alive else None}
        with self._database.write(durable=False) as connection:
            connection.execute(sa.delete(table).where(table.c.updated_at < now - _REMEMBERED))
            upsert(connection, table, [row])

    def look(self) -> list[ConsumerHealth]:
        """Every process that consumed within a day, by name; one that is silent is not alive."""
        with self._database.read() as connection:
            query = sa.select(table).order_by(table.c.name, table.c.started_at, table.c.worker_id)
            rows = connection.execute(query).mappings().all()
        now = self._clock.now()
        return [_read(row, now) for row in rows]


def _columns(health: ConsumerHealth) -> dict[str, Any]:
    return {
        "worker_id": health.worker,
        "name": health.name,
        "started_at": health.started_at,
        "lag": health.lag,
        "last_stored": health.last_stored,
        "counts": dict(health.counts),
        "topics": {name: _spelled(figures) for name, figures in health.topics.items()},
    }


def _spelled(figures: TopicFigures) -> dict[str, Any]:
    last = figures.last_stored
    return {**asdict(figures), "last_stored": last.isoformat() if last else None}


def _topic(spelled: Mapping[str, Any]) -> TopicFigures:
    last = spelled["last_stored"]
    return TopicFigures(**{**spelled, "last_stored": datetime.fromisoformat(last) if last else None})


def _read(row: sa.RowMapping, now: datetime) -> ConsumerHealth:
    expires = row["lease_expires_at"]
    same = ("name", "started_at", "updated_at", "lag", "last_stored", "counts")
    return ConsumerHealth(
        worker=row["worker_id"],
        alive=expires is not None and expires > now,
        topics={name: _topic(spelled) for name, spelled in row["topics"].items()},
        **{name: row[name] for name in same},
    )
