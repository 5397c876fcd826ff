"""Opens the relational database, SQLite or PostgreSQL. Nothing here knows a table."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakSet

import sqlalchemy as sa

from forebay.db.errors import translated
from forebay.db.network_drive import drive_of
from forebay.errors import LedgerError, UsageError

log = logging.getLogger(__name__)

TIMEOUT = 30.0
"""Seconds that a connection, a lock or a statement may take before it is an error."""

_WAL_TRIES = 20
_FULL_SYNC, _NO_SYNC = "FULL", "NORMAL"
_engines: WeakSet[sa.Engine] = WeakSet()


@dataclass(frozen=True, slots=True)
class Database:
    """One database and its pool of connections; usable from several threads, and again after a fork."""

    name: str
    """How messages call it: a path, or host and database; never with a password."""
    engine: sa.Engine

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for reading. Raises LedgerError."""
        with translated(self.name), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """One transaction, committed at the end of the block, rolled back by an exception. Keep it short.

        SQLite takes its write lock at once (`BEGIN IMMEDIATE`): a transaction that begins by reading and writes later
        fails under load however long it is willing to wait. With `durable` the commit is on disk when this returns;
        without, a power cut may take it back, whole. Raises LedgerError.
        """
        sync = _FULL_SYNC if durable else _NO_SYNC
        with translated(self.name), self.engine.connect() as plain:
            connection = plain.execution_options(sync=sync)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close the pool's connections."""
        self.engine.dispose()


def connect(url: str, *, timeout: float = TIMEOUT) -> Database:
    """The database at `url`; SQLite's file and folder are made if they are missing.

    `timeout` in seconds bounds each wait for a connection, a lock or a statement. Raises UsageError for an address of
    another kind or a missing driver, LedgerError for a folder that cannot be made. The database itself is not touched.
    """
    address = _parse(url)
    opener = _sqlite if address.get_backend_name() == "sqlite" else _postgresql
    database = opener(address, timeout)
    _engines.add(database.engine)
    return database


def _parse(url: str) -> sa.URL:
    drivers = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    try:
        address = sa.make_url(url)
        return address.set(drivername=drivers[address.drivername.split("+")[0]])
    except (sa.exc.ArgumentError, KeyError, ValueError):
        # The address may hold a password: neither it nor the parser's words go into the message or its cause.
        raise UsageError(
            "DATABASE_URL is not the address of a SQLite or PostgreSQL database",
            remedy="write sqlite:///data/download_tracker.db or postgresql://user:password@host/database",
        ) from None


def _sqlite(address: sa.URL, timeout: float) -> Database:
    if not address.database or address.database == ":memory:":
        raise UsageError(
            "DATABASE_URL names no file: a ledger in memory would be forgotten",
            remedy="write sqlite:///data/download_tracker.db",
        )
    path = Path(address.database).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"cannot make the ledger's folder {path.parent}: {error.strerror}",
            remedy="make it yourself with write permission, or let DATABASE_URL name a file elsewhere",
        ) from error
    if kind := drive_of(path):
        log.warning(
            "the ledger %s lies on a network drive (%s), where SQLite's locks may fail: "
            "for workers on several machines let DATABASE_URL name a PostgreSQL database",
            path,
            kind,
        )
    engine = sa.create_engine(
        address.set(database=str(path)), connect_args={"timeout": timeout}, pool_timeout=timeout, hide_parameters=True
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return Database(str(path), engine)


def _prepare_sqlite(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin behind our back
    cursor = connection.cursor()
    _use_wal(cursor)
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA fullfsync = ON")  # macOS: an ordinary sync stops at the disk's own cache
    cursor.close()


def _use_wal(cursor: sa.engine.interfaces.DBAPICursor) -> None:
    """Readers and the writer do not wait for each other in this mode, which the file itself remembers.

    When several processes are the first at once, the change does not wait for the others as a transaction would.
    """
    for _ in range(_WAL_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            cursor.execute("BEGIN IMMEDIATE")  # waits for its turn
            cursor.execute("ROLLBACK")
        else:
            return
    cursor.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    sync = connection.get_execution_options().get("sync")
    if sync is None:
        connection.exec_driver_sql("BEGIN")
    else:
        if connection.info.get("sync") != sync:  # it stays with the connection
            connection.exec_driver_sql(f"PRAGMA synchronous = {sync}")
            connection.info["sync"] = sync
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql(address: sa.URL, timeout: float) -> Database:
    milliseconds = int(timeout * 1000)
    options = f"-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout={milliseconds}"
    try:
        engine = sa.create_engine(
            address,
            connect_args={"connect_timeout": max(2, int(timeout)), "options": options},
            pool_timeout=timeout,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except ModuleNotFoundError as error:
        raise UsageError(
            "the ledger is in PostgreSQL, whose driver is not installed",
            remedy="install it: pip install 'forebay[distributed]'",
        ) from error
    return Database(f"{address.host or 'local'}/{address.database or ''}", engine)


def _after_fork() -> None:
    """A child must not speak on its parent's connections, nor close them."""
    for engine in list(_engines):
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_after_fork)
