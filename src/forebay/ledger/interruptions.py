"""The book of interruptions: each interval of which live data may lack something, until that has been made good."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import interruptions as table
from forebay.model.live import Cause, Cluster, Interruption, Noted, Subscription


class Interruptions:
    """The table of interruptions. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def begin(self, interruption: Interruption) -> int:
        """Write one down, over or not; its number."""
        values: dict[str, Any] = {
            "cluster": interruption.cluster.value,
            "subscriptions": [str(each) for each in interruption.subscriptions],
            "began": interruption.began,
            "ended": interruption.ended,
            "cause": interruption.cause.value,
            "detail": interruption.detail,
            "evidence": {},
        }
        with self._database.write() as connection:
            return int(connection.execute(sa.insert(table).values(**values).returning(table.c.id)).scalar_one())

    def end(self, number: int, ended: datetime) -> None:
        """Note from when on everything is heard again; one that is over stays as it is."""
        with self._database.write() as connection:
            lasting = sa.update(table).where(table.c.id == number, table.c.ended.is_(None))
            connection.execute(lasting.values(ended=ended))

    def open(self, cluster: Cluster | None = None) -> list[Noted]:
        """Those that last or are not made good yet, the oldest first."""
        query = sa.select(table).where(table.c.closed_at.is_(None)).order_by(table.c.began, table.c.id)
        return self._read(query if cluster is None else query.where(table.c.cluster == cluster.value))

    def close(self, number: int, evidence: Mapping[str, Any]) -> None:
        """Note that what it lacked was sent on, or that all was done that can be: the evidence says which."""
        self._note(number, closed_at=self._clock.now(), evidence=dict(evidence), error=None)

    def failed(self, number: int, error: str) -> None:
        """Note why it could not be made good; it stays open."""
        self._note(number, error=error)

    def find(self, cluster: Cluster | None = None, *, before: int | None = None, limit: int = 100) -> list[Noted]:
        """The interruptions, the last noted first, at most `limit`; those before the one with that number."""
        query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
        query = query if cluster is None else query.where(table.c.cluster == cluster.value)
        return self._read(query if before is None else query.where(table.c.id < before))

    def _note(self, number: int, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(sa.update(table).where(table.c.id == number).values(**values))

    def _read(self, query: sa.Select[Any]) -> list[Noted]:
        with self._database.read() as connection:
            return [_noted(row) for row in connection.execute(query).mappings()]


def _noted(row: sa.RowMapping) -> Noted:
    interruption = Interruption(
        Cluster(row["cluster"]),
        tuple(Subscription.of(each) for each in row["subscriptions"]),
        row["began"],
        row["ended"],
        Cause(row["cause"]),
        row["detail"],
    )
    return Noted(row["id"], interruption, row["closed_at"], row["evidence"], row["error"])
