"""Brings a database's tables to this version. Alembic is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from forebay.db.engine import Database
from forebay.errors import NewerVersion

HEAD = "0002"
"""The newest revision in `migrations/versions`."""
VERSION_TABLE = "forebay_revision"
"""Not Alembic's usual name: the database may be shared with programs that use that one."""

_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 7_036_873
"""Any number: PostgreSQL's advisory lock that lets one process migrate at a time."""


def upgrade(database: Database) -> None:
    """Create the tables, or change an older version's; safe for many processes at once.

    All or nothing, in one transaction. Raises NewerVersion, with the database untouched, when a later Forebay wrote
    it, and LedgerError.
    """
    with database.read() as connection:
        if _revision(connection) == HEAD:
            return
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        found = _revision(connection)
        if found != HEAD:  # nobody was faster
            _migrate(connection, found, database.name)


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
