"""What the vendor's newest listing said of each flat file: how a replaced file is noticed."""

from __future__ import annotations

from collections.abc import Mapping
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


class Listings:
    """The listings table. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def remember(self, dataset: str, listed: Mapping[date, Revision], within: Interval | None = None) -> list[date]:
        """Store what was listed of a dataset, day by day; the days that are new or replaced, sorted.

        `within` is what the vendor was asked for: days of it that are not in `listed` are gone, and forgotten. Other
        days stay as they are.
        """
        if not listed and within is None:
            return []
        span = within or Interval(min(listed), max(listed))
        with self._database.write() as connection:
            known = _known(connection, dataset, span.start, span.end)
            gone = known.keys() - listed.keys() if within else set()
            if gone:
                this = (files_upstream.c.dataset == dataset) & (files_upstream.c.day == sa.bindparam("gone"))
                connection.execute(sa.delete(files_upstream).where(this), [{"gone": day} for day in sorted(gone)])
            news = sorted(day for day, revision in listed.items() if known.get(day) != revision)
            upsert(connection, files_upstream, [self._row(dataset, day, listed[day]) for day in news])
        return news

    def revisions(self, dataset: str, start: date, end: date) -> dict[date, Revision]:
        """Each listed day's newest revision, from `start` to `end`, both included, in order of days."""
        with self._database.read() as connection:
            return _known(connection, dataset, start, end)

    def _row(self, dataset: str, day: date, revision: Revision) -> dict[str, Any]:
        return {"dataset": dataset, "day": day, "seen_at": self._clock.now(), **revision_record(revision)}


def _known(connection: sa.Connection, dataset: str, start: date, end: date) -> dict[date, Revision]:
    within = files_upstream.c.day.between(start, end)
    query = sa.select(files_upstream).where(files_upstream.c.dataset == dataset, within).order_by(files_upstream.c.day)
    return {row["day"]: _revision(row) for row in connection.execute(query).mappings()}


def _revision(row: Record) -> Revision:
    return Revision(row["etag"], row["size"], row["last_modified"])
