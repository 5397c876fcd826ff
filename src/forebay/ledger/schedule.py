"""The schedule's book: which daemon leads, whether jobs are to be run, and what ran when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import schedule, schedule_jobs
from forebay.db.upsert import insert_new
from forebay.model.schedule import JobRun, Schedule

LEADS = timedelta(seconds=60)
"""A daemon that is silent for this long leads no more."""
RENEW = timedelta(seconds=15)
"""How often the leader renews."""
_ONLY = 1
"""The key of the one row."""


class ScheduleBook:
    """The tables of the schedule; safe among daemons. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def lead(self, daemon: str) -> bool:
        """Take the lead, or keep it; false while another daemon has it."""
        now = self._clock.now()
        free = sa.or_(schedule.c.leader.is_(None), schedule.c.leader == daemon, schedule.c.leads_until <= now)
        taking = sa.update(schedule).where(free).values(leader=daemon, leads_until=now + LEADS)
        with self._database.write(durable=False) as connection:
            insert_new(connection, schedule, [{"id": _ONLY, "enabled": True}])
            return connection.execute(taking).rowcount == 1

    def resign(self, daemon: str) -> None:
        """Let another daemon lead at once; nothing if this one does not."""
        leaving = sa.update(schedule).where(schedule.c.leader == daemon).values(leader=None, leads_until=None)
        with self._database.write() as connection:
            connection.execute(leaving)

    def switch(self, *, on: bool) -> None:
        """Say whether jobs are to be run. What runs is not broken off."""
        with self._database.write() as connection:
            insert_new(connection, schedule, [{"id": _ONLY, "enabled": on}])
            connection.execute(sa.update(schedule).values(enabled=on))

    def register(self, next_runs: Mapping[str, datetime]) -> None:
        """Make these the schedule's jobs, each with its next run: one that is new is owed no run of the past."""
        now = self._clock.now()
        rows = [{"name": name, "done_until": now, "runs": 0} for name in next_runs]
        with self._database.write() as connection:
            insert_new(connection, schedule_jobs, rows)
            connection.execute(sa.delete(schedule_jobs).where(schedule_jobs.c.name.not_in(next_runs)))
            for name, moment in next_runs.items():
                connection.execute(_job(name).values(next_run_at=moment))

    def done_until(self) -> dict[str, datetime]:
        """Job to the moment up to which it is owed no run."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(schedule_jobs.c.name, schedule_jobs.c.done_until)).all()
        return {row.name: row.done_until for row in rows}

    def begin(self, name: str, due: datetime, next_run: datetime, daemon: str) -> bool:
        """Note that a job's run of `due` begins now, and that it stands for every one missed before.

        False when it ran already, when jobs are not to be run or when `daemon` does not lead: then it must not run.
        """
        now = self._clock.now()
        leads = sa.exists().where(schedule.c.enabled, schedule.c.leader == daemon, schedule.c.leads_until > now)
        begun = {"started_at": now, "finished_at": None, "error": None, "next_run_at": next_run, "done_until": now}
        starting = _job(name).where(schedule_jobs.c.done_until < due, leads)
        with self._database.write() as connection:
            found = connection.execute(starting.values(runs=schedule_jobs.c.runs + 1, **begun))
            return found.rowcount == 1

    def end(self, name: str, error: str | None) -> None:
        """Note that a job's run ended, and why it failed if it did."""
        with self._database.write() as connection:
            connection.execute(_job(name).values(finished_at=self._clock.now(), error=error))

    def look(self) -> Schedule:
        """What the schedule is doing now."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(schedule)).mappings().one_or_none()
            jobs = connection.execute(sa.select(schedule_jobs).order_by(schedule_jobs.c.name)).mappings().all()
        enabled = row is None or bool(row["enabled"])
        leads = row is not None and row["leads_until"] is not None and row["leads_until"] > self._clock.now()
        return Schedule(
            enabled=enabled,
            leader=row["leader"] if row and leads else None,
            leads_until=row["leads_until"] if row and leads else None,
            jobs=tuple(_read(job, enabled=enabled) for job in jobs),
        )


def _job(name: str) -> sa.Update:
    return sa.update(schedule_jobs).where(schedule_jobs.c.name == name)


def _read(row: sa.RowMapping, *, enabled: bool) -> JobRun:
    return JobRun(
        name=row["name"],
        next_run=row["next_run_at"] if enabled else None,
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        error=row["error"],
        runs=row["runs"],
    )
