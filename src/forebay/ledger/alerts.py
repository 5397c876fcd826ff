"""The book of alerts: what is wrong, since when, and who was told. All daemons share it, so that each is told once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import alerts
from forebay.db.upsert import insert_new
from forebay.model.alert import Alert, Condition, Notice, Raised

CALM = timedelta(minutes=10)
"""What was not so for this long is over: a condition that comes and goes is told as one."""


class AlertBook:
    """The table of alerts; safe among daemons. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, found: Iterable[Alert], unknown: Collection[Condition] = ()) -> None:
        """Write down what is so now. What is not among it is over after `CALM`, but for conditions that are `unknown`.

        One that nobody was told of is forgotten then.
        """
        now = self._clock.now()
        rows = [_row(Raised(alert, now, now)) for alert in found]
        over = sa.and_(
            alerts.c.cleared_at.is_(None),
            alerts.c.seen_at <= now - CALM,
            alerts.c.condition.not_in([condition.value for condition in unknown]),
        )
        with self._database.write() as connection:
            insert_new(connection, alerts, rows)
            for row in rows:
                seen = {"message": row["message"], "remedy": row["remedy"], "seen_at": now, "cleared_at": None}
                connection.execute(sa.update(alerts).where(alerts.c.key == row["key"]).values(**seen))
            connection.execute(sa.delete(alerts).where(over, alerts.c.told_at.is_(None)))
            connection.execute(sa.update(alerts).where(over).values(cleared_at=now))

    def take(self, repeat: timedelta) -> list[Notice]:
        """What is to be told now, to this caller alone: what is new, what was told `repeat` ago, and what is over."""
        now = self._clock.now()
        due = sa.or_(alerts.c.told_at.is_(None), alerts.c.told_at <= now - repeat, alerts.c.cleared_at.is_not(None))
        with self._database.write() as connection:
            rows = connection.execute(sa.select(alerts).where(due).order_by(alerts.c.key).with_for_update())
            taken = [Notice(_read(row)) for row in rows.mappings()]
            for notice in taken:
                mine = alerts.c.key == notice.raised.alert.key
                change = sa.delete(alerts) if notice.over else sa.update(alerts).values(told_at=now)
                connection.execute(change.where(mine))
        return taken

    def give_back(self, notices: Iterable[Notice]) -> None:
        """Nobody could be told: the next look tries again."""
        with self._database.write() as connection:
            for notice in notices:
                row = _row(notice.raised)
                if not insert_new(connection, alerts, [row]):
                    mine = sa.update(alerts).where(alerts.c.key == row["key"])
                    connection.execute(mine.values(told_at=row["told_at"]))

    def list(self) -> Sequence[Raised]:
        """Everything that is raised, and what is over and not told yet, by key."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(alerts).order_by(alerts.c.key)).mappings()
            return [_read(row) for row in rows]


def _row(raised: Raised) -> dict[str, Any]:
    alert = raised.alert
    told: dict[str, datetime | None] = {"told_at": raised.told_at, "cleared_at": raised.cleared_at}
    what = {"condition": alert.condition.value, "subject": alert.subject, "message": alert.message}
    return {
        "key": alert.key,
        **what,
        "remedy": alert.remedy,
        "raised_at": raised.raised_at,
        "seen_at": raised.seen_at,
        **told,
    }


def _read(row: sa.RowMapping) -> Raised:
    alert = Alert(Condition(row["condition"]), row["subject"], row["message"], row["remedy"])
    return Raised(alert, **{name: row[name] for name in ("raised_at", "seen_at", "told_at", "cleared_at")})
