"""How far back the user's plan reaches, dataset by dataset, as the vendor last answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from forebay.db.engine import Database
from forebay.db.tables import entitlements
from forebay.db.upsert import upsert


@dataclass(frozen=True, slots=True)
class Known:
    """What the vendor answered about one dataset, `rest/<class>` being all of a class by REST."""

    dataset: str
    first_day: date
    """The oldest session date that is served."""
    asked_at: datetime
    """UTC."""


class EntitlementBook:
    """The entitlements table. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_day(self, dataset: str, *, since: datetime) -> date | None:
        """The oldest session date that is served; None if the vendor was last asked before `since`, or never."""
        query = sa.select(entitlements.c.first_day).where(
            entitlements.c.dataset == dataset, entitlements.c.asked_at >= since
        )
        with self._database.read() as connection:
            first: date | None = connection.scalar(query)
        return first

    def list(self) -> list[Known]:
        """Everything that was ever answered, by dataset."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(entitlements).order_by(entitlements.c.dataset)).all()
        return [Known(row.dataset, row.first_day, row.asked_at) for row in rows]

    def remember(self, dataset: str, first_day: date, asked_at: datetime) -> None:
        """Store what the vendor answered at `asked_at` (UTC)."""
        row = {"dataset": dataset, "first_day": first_day, "asked_at": asked_at}
        with self._database.write() as connection:
            upsert(connection, entitlements, [row])
