"""What the vendor's newest listing said of each flat file: how a replaced file is noticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import files_upstream
from forebay.db.upsert import upsert
from forebay.ledger.records import Record, revision_record
from forebay.model.intervals import Interval
from forebay.model.partition import Revision


@dataclass(frozen=True, slots=True)
class Changes:
    """What a listing brought, in days, sorted."""

    new: list[date]
    replaced: list[date]
    """Listed before, with another revision."""


class Listings:
    """The listings table. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def remember(self, dataset: str, listed: Mapping[date, Revision]) -> Changes:
        """Store what was listed of a dataset, day by day; what of it is news. Days that are not listed stay."""
        with self._database.write() as connection:
            known = _known(connection, dataset, None)
            new = sorted(day for day in listed if day not in known)
            replaced = sorted(day for day in listed if day in known and known[day] != listed[day])
            upsert(connection, files_upstream, [self._row(dataset, day, listed[day]) for day in (*new, *replaced)])
        return Changes(new, replaced)

    def revisions(self, dataset: str, dates: Interval | None = None) -> dict[date, Revision]:
        """Each day's newest listed revision, in order of days."""
        with self._database.read() as connection:
            return _known(connection, dataset, dates)

    def _row(self, dataset: str, day: date, revision: Revision) -> dict[str, Any]:
        return {"dataset": dataset, "day": day, "seen_at": self._clock.now(), **revision_record(revision)}


def _known(connection: sa.Connection, dataset: str, dates: Interval | None) -> dict[date, Revision]:
    query = sa.select(files_upstream).where(files_upstream.c.dataset == dataset).order_by(files_upstream.c.day)
    if dates is not None:
        query = query.where(files_upstream.c.day.between(dates.start, dates.end))
    return {row["day"]: _revision(row) for row in connection.execute(query).mappings()}


def _revision(row: Record) -> Revision:
    return Revision(row["etag"], row["size"], row["last_modified"])
