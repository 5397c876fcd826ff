"""Where the database's own errors become ours, with the next step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from forebay.errors import LedgerError, LedgerUnavailable

# SQLite's primary result code: what happened, what to do
_SQLITE = {
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "make sure that its folder is there and that you may write in it"),
    sqlite3.SQLITE_PERM: ("cannot be opened", "make sure that you may read and write it"),
    sqlite3.SQLITE_AUTH: ("cannot be opened", "make sure that you may read and write it"),
    sqlite3.SQLITE_READONLY: ("is read-only", "make the file and its folder writable for you"),
    sqlite3.SQLITE_FULL: ("has no room on its disk", "free some space and run the same command again"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "look at its disk's health and free space, then try again"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "restore it from a backup, or move it aside to begin a new one"),
    sqlite3.SQLITE_NOTADB: ("is not a SQLite database", "let DATABASE_URL name another file"),
}

# PostgreSQL's SQLSTATE or its class: what happened, what to do
_POSTGRESQL = {
    "53100": ("has no room on its disk", "free some space on the server and run the same command again"),
    "42501": ("refuses this user", "grant the user of DATABASE_URL the right to create and change tables"),
    "25006": ("is read-only", "let DATABASE_URL name the primary server"),
    "28": ("refuses this login", "look at the user and password of DATABASE_URL"),
    "3D": ("does not exist", "create the database that DATABASE_URL names"),
}
_LATER = ("08", "53", "55P03", "57", "40")
"""SQLSTATEs of a server that is away, too busy or restarting, and of deadlocks."""


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise LedgerError for any error of the database `name` in the block; LedgerUnavailable if it may pass."""
    try:
        yield
    except PoolTimeoutError as error:
        raise LedgerUnavailable(
            f"the ledger {name}: all connections of this process are in use", remedy="run fewer workers in a process"
        ) from error
    except DBAPIError as error:
        raise _translate(name, error) from error
    except SQLAlchemyError as error:
        raise LedgerError(f"the ledger {name}: {error}") from error


def _translate(name: str, error: DBAPIError) -> LedgerError:
    if isinstance(error.orig, sqlite3.Error):
        return _from_sqlite(name, error.orig)
    return _from_postgresql(name, error)


def _from_sqlite(name: str, error: sqlite3.Error) -> LedgerError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerUnavailable(
            f"the ledger {name} is locked by another program",
            remedy="close what holds it open; a ledger on a network drive does not work, use PostgreSQL there",
        )
    what, remedy = _SQLITE.get(code, (f"answers: {error}", "run `forebay doctor`"))
    return LedgerError(f"the ledger {name} {what}", remedy=remedy)


def _from_postgresql(name: str, error: DBAPIError) -> LedgerError:
    state = getattr(error.orig, "sqlstate", None)
    said = str(error.orig).strip().partition("\n")[0]
    if state is None:
        return LedgerUnavailable(
            f"the ledger's server {name} does not answer: {said}",
            remedy="start it, or look at host, port, user and database in DATABASE_URL",
        )
    known = _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
    if known is not None:
        return LedgerError(f"the ledger {name} {known[0]}: {said}", remedy=known[1])
    if state.startswith(_LATER):
        return LedgerUnavailable(f"the ledger {name} is busy or away: {said}", remedy="try again in a moment")
    return LedgerError(f"the ledger {name} answers: {said}", remedy="run `forebay doctor`")
