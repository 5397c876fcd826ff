"""The book of the shared rate budget in the ledger's database: each step is one short transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock

import sqlalchemy as sa

from forebay.budget.line import SOON, TICK, place_in_line
from forebay.budget.pace import MINUTE, PATIENT_WINDOWS, WINDOW, Pace
from forebay.budget.shared import Promise, Standing
from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import rate_grants, rate_pause

_Waiting = tuple[int, datetime]
"""A ticket and its moment."""
_at, _interactive = rate_grants.c.granted_at, rate_grants.c.interactive


class LedgerBook:
    """For whoever shares the database.

    On PostgreSQL with `database_time` the server's clock is everybody's; otherwise the machines' clocks must agree
    within the half second that `WINDOW` is longer than a minute. Every method raises LedgerError.
    """

    def __init__(self, database: Database, calls_per_minute: int, clock: Clock, *, database_time: bool = False) -> None:
        self._database = database
        self.limit = calls_per_minute
        self.name = database.name
        self._clock = clock
        self._database_time = database_time
        self._turn = Lock()
        """A process's threads queue here, which is fair and cheap; at the database only processes meet."""

    def reserve(self, patience: timedelta | None, *, interactive: bool) -> Promise:
        """The first free moment, not farther off than `patience`."""
        with self._turn, self._database.write(durable=False) as connection:
            pace = _pace(connection, lock=True)
            now = self._now(connection)
            free = self._first_free(connection, pace, now)
            behind: Sequence[_Waiting] = []
            if free > now + SOON and _from_the_future(connection, pace, now, self.limit):
                pace = _begin_anew(connection, pace, now)
                free = self._first_free(connection, pace, now)
            if free > now + SOON:
                behind = _whom_to_precede(connection, now, interactive=interactive)
            at = behind[0][1] if behind else free
            if patience is not None and at - now > max(patience, SOON):
                return Promise(None, at - now)
            _put_back(connection, behind, free)
            connection.execute(sa.delete(rate_grants).where(_at <= now - 2 * WINDOW))
            new = sa.insert(rate_grants).values(granted_at=at, interactive=interactive).returning(rate_grants.c.id)
            return Promise(str(connection.execute(new).scalar_one()), at - now)

    def look(self, ticket: str) -> timedelta | None:
        """How far off a promised moment is by now, negative once it is over; None: it was taken back."""
        with self._turn, self._database.read() as connection:
            at = connection.scalar(sa.select(_at).where(rate_grants.c.id == int(ticket)))
            return None if at is None else at - self._now(connection)

    def slow_down(self, pause: timedelta) -> None:
        """Grant nothing for `pause`, take promises back, and lower the limit for a while."""
        with self._turn, self._database.write(durable=False) as connection:
            before = _pace(connection, lock=True)
            now = self._now(connection)
            pace = before.after_429(now, pause, self.limit)
            values = {"until": pace.paused_until, "lowered_to": pace.lowered_to, "clean_since": pace.clean_since}
            connection.execute(sa.update(rate_pause).values(values))
            connection.execute(sa.delete(rate_grants).where(_at > now + SOON))

    def standing(self) -> Standing:
        """The budget at a glance."""
        with self._turn, self._database.read() as connection:
            pace, now = _pace(connection), self._now(connection)
            calls = sa.select(sa.func.count()).select_from(rate_grants)
            used = connection.execute(calls.where(_at > now - MINUTE, _at <= now + SOON)).scalar_one()
            waiting = connection.execute(calls.where(_at > now + SOON)).scalar_one()
        paused = max((pace.paused_until or now) - now, timedelta()).total_seconds()
        return Standing(self.limit, pace.limit_at(now, self.limit), used, waiting, paused)

    def close(self) -> None:
        """Nothing: the ledger closes its database."""

    def _first_free(self, connection: sa.Connection, pace: Pace, now: datetime) -> datetime:
        """A window after the grant that is `limit` grants ago; never before the latest, whatever the clocks say."""
        newest = sa.select(_at).order_by(_at.desc()).limit(1)
        latest = connection.scalar(newest)
        free = max(now, pace.paused_until or now, now if latest is None else latest + TICK)
        nth = connection.scalar(newest.offset(pace.limit_at(free, self.limit) - 1))
        return free if nth is None else max(free, nth + WINDOW)

    def _now(self, connection: sa.Connection) -> datetime:
        if not self._database_time:
            return self._clock.now()
        now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return now


def _pace(connection: sa.Connection, *, lock: bool = False) -> Pace:
    """The pace. With `lock` only one caller at a time gets it, until its transaction ends."""
    query = sa.select(rate_pause.c.until, rate_pause.c.lowered_to, rate_pause.c.clean_since)
    row = connection.execute(query.with_for_update() if lock else query).one()
    return Pace(*row)


def _from_the_future(connection: sa.Connection, pace: Pace, now: datetime, limit: int) -> bool:
    """Whether a moment is farther off than all who wait can make it: the clock has been set back."""
    waiting, latest = connection.execute(sa.select(sa.func.count(), sa.func.max(_at)).where(_at > now + SOON)).one()
    windows = waiting // pace.limit_at(now, limit) + PATIENT_WINDOWS
    return latest is not None and latest > max(now, pace.paused_until or now) + windows * WINDOW


def _begin_anew(connection: sa.Connection, pace: Pace, now: datetime) -> Pace:
    """Forget what a wrong clock promised; the calls that were made of it count as used up in the last minute."""
    until = max(now + WINDOW, pace.paused_until or now)
    connection.execute(sa.delete(rate_grants).where(_at > now))
    connection.execute(sa.update(rate_pause).values(until=until))
    return replace(pace, paused_until=until)


def _whom_to_precede(connection: sa.Connection, now: datetime, *, interactive: bool) -> Sequence[_Waiting]:
    """Who waits behind a newcomer of this kind, in order; nobody when it goes to the end of the line."""
    waits = _at > now + SOON
    if connection.scalar(sa.select(1).where(waits, _interactive != interactive).limit(1)) is None:
        return []
    line = connection.execute(sa.select(rate_grants.c.id, _at, _interactive).where(waits).order_by(_at)).all()
    last = connection.scalar(sa.select(_interactive).where(~waits).order_by(_at.desc()).limit(1))
    place = place_in_line([each.interactive for each in line], last, interactive)
    return [(each.id, each.granted_at) for each in line[place:]]


def _put_back(connection: sa.Connection, behind: Sequence[_Waiting], free: datetime) -> None:
    """Give each of these the moment of the next, and the last the moment that is free: no moment is added."""
    if not behind:
        return
    moments = [*(moment for _, moment in behind[1:]), free]
    moved = [{"ticket": ticket, "moment": moment} for (ticket, _), moment in zip(behind, moments, strict=True)]
    change = sa.update(rate_grants).where(rate_grants.c.id == sa.bindparam("ticket"))
    connection.execute(change.values(granted_at=sa.bindparam("moment")), moved)
