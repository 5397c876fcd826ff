"""The rate budget that all processes and machines with one ledger share.

A caller reserves the first free moment in one short transaction, then sleeps until it: nobody polls, and whoever asks
first is served first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import rate_grants, rate_pause
from forebay.errors import RateLimited

WINDOW = timedelta(seconds=60.5)
"""The vendor counts any 60 seconds as it sees them; half a second is for what the network adds to one call and not to
another, and for waking up late. It costs 0.8 % of the budget."""
LATE = timedelta(seconds=0.25)
"""Who wakes up later than this has missed the moment and reserves another."""


@dataclass(frozen=True, slots=True)
class _Grant:
    id: int
    at: datetime


class LedgerBudget:
    """At most `calls_per_minute` calls in any minute, by whoever shares the database; 0 is no limit at all.

    On PostgreSQL with `database_time` the server's clock is everybody's; otherwise the machines' clocks must agree
    within the half second of `WINDOW`.
    """

    def __init__(self, database: Database, calls_per_minute: int, clock: Clock, *, database_time: bool = False) -> None:
        self._database = database
        self._limit = calls_per_minute
        self._clock = clock
        self._database_time = database_time

    def acquire(self, timeout: float | None = None) -> None:
        """Return when one call may be made. Raises RateLimited when that would take over `timeout` seconds."""
        if self._limit <= 0:
            return
        deadline = None if timeout is None else self._clock.now() + timedelta(seconds=timeout)
        while True:
            patience = None if deadline is None else deadline - self._clock.now()
            grant, wait = self._reserve(patience)
            if wait <= timedelta():
                return
            self._clock.sleep(wait.total_seconds())
            if self._still_good(grant):
                return

    def slow_down(self, seconds: float) -> None:
        """Grant nothing to anybody for `seconds`: the vendor has said 429. Promises for later are taken back."""
        if self._limit <= 0:
            return
        with self._database.write(durable=False) as connection:
            paused = self._locked_pause(connection)
            now = self._now(connection)
            until = now + timedelta(seconds=seconds)
            if paused is None or until > paused:
                connection.execute(sa.update(rate_pause).values(until=until))
            connection.execute(sa.delete(rate_grants).where(rate_grants.c.granted_at > now))

    def _reserve(self, patience: timedelta | None) -> tuple[_Grant, timedelta]:
        """The first free moment, and how far off it is."""
        with self._database.write(durable=False) as connection:
            paused = self._locked_pause(connection)
            now = self._now(connection)
            at = max(now, paused or now, self._first_free(connection) or now)
            if patience is not None and at - now > max(patience, timedelta()):
                wait = (at - now).total_seconds()
                raise RateLimited(
                    f"the shared budget of {self._limit} calls a minute has none free for {wait:.0f} s",
                    remedy="let fewer workers share the key, or raise POLYGON_RATE_LIMIT if your plan allows more",
                    retry_after=wait,
                )
            connection.execute(sa.delete(rate_grants).where(rate_grants.c.granted_at <= now - 2 * WINDOW))
            result = connection.execute(sa.insert(rate_grants).values(granted_at=at).returning(rate_grants.c.id))
            return _Grant(result.scalar_one(), at), at - now

    def _first_free(self, connection: sa.Connection) -> datetime | None:
        """A window after the grant that is `limit` grants ago; never before the latest, whatever the clocks say."""
        newest = sa.select(rate_grants.c.granted_at).order_by(rate_grants.c.granted_at.desc())
        latest = connection.scalar(newest.limit(1))
        nth = connection.scalar(newest.limit(1).offset(self._limit - 1))
        return latest if nth is None or latest is None else max(latest, nth + WINDOW)

    def _still_good(self, grant: _Grant) -> bool:
        """Whether a promise still holds at its moment: not taken back by `slow_down`, and not slept through."""
        with self._database.read() as connection:
            kept = connection.scalar(sa.select(rate_grants.c.id).where(rate_grants.c.id == grant.id)) is not None
            return kept and self._now(connection) - grant.at <= LATE

    def _locked_pause(self, connection: sa.Connection) -> datetime | None:
        """Until when there is a pause. Locks its row, so that only one caller reserves at a time."""
        return connection.scalar(sa.select(rate_pause.c.until).with_for_update())

    def _now(self, connection: sa.Connection) -> datetime:
        if not self._database_time:
            return self._clock.now()
        now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return now
