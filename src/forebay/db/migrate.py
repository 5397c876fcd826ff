"""Brings a database's tables to this version. Alembic is imported only when there is something to do."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa

from forebay.clock import Clock, SystemClock
from forebay.db import takeover
from forebay.db.engine import Database
from forebay.errors import NewerVersion

log = logging.getLogger(__name__)

HEAD = "0012"
"""The newest revision in `migrations/versions`."""
VERSION_TABLE = "forebay_revision"
"""Not Alembic's usual name: the database may be shared with programs that use that one."""

_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 7_036_873
"""Any number: PostgreSQL's advisory lock that lets one process migrate at a time."""


_BEFORE_FILES = (None, "0001")
"""Revisions at which `files`, if there is one, is not our view."""


def upgrade(database: Database, clock: Clock | None = None) -> None:
    """Create the tables, or change an older version's; safe for many processes at once.

    All or nothing, in one transaction. The database of the tracker before Forebay is taken over, after a copy beside
    it whose name has the time by `clock` (None: the machine's). Raises NewerVersion, with the database untouched, when
    a later Forebay wrote it, and LedgerError.
    """
    with database.read() as connection:
        if _revision(connection) == HEAD:
            return
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        found = _revision(connection)
        if found == HEAD:  # somebody was faster
            return
        tracker = takeover.recognise(connection, database.name) if found in _BEFORE_FILES else None
        if tracker is not None:
            _put_away(connection, database, clock or SystemClock())
        _migrate(connection, found, database.name)
        if tracker is not None:
            log.warning(
                "took over %d files of the tracker in %s", takeover.copy_rows(connection, tracker), database.name
            )


def _put_away(connection: sa.Connection, database: Database, clock: Clock) -> None:
    """Nobody else writes: we hold the lock. A kill from here on leaves the tracker as it was, and perhaps a copy."""
    if database.dialect == "sqlite":
        copy = takeover.back_up(Path(database.name), clock.now())
        log.warning("copied the tracker's database %s to %s", database.name, copy)
    takeover.set_aside(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return found


def _migrate(connection: sa.Connection, found: str | None, name: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise NewerVersion(
            f"the ledger {name} was written by a later Forebay (its revision is {found})",
            remedy="install that version again, or let DATABASE_URL name another database",
        )
    command.upgrade(config, HEAD)
