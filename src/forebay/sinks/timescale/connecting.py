"""A connection to the database of TIMESCALE_*, and where its errors become ours, with the next step."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer

import psycopg

from forebay.errors import SinkError, SinkRefused, SinkUnavailable
from forebay.settings import TimescaleSettings

_CONNECT, _STATEMENT, _LOCK = 5, 300, 60
"""Seconds that each may take; a batch takes one."""
_SILENCE = 20
"""Seconds after which a server that acknowledges nothing is given up."""

# SQLSTATE or its class: what happened, what to do, first match
_REFUSED = {
    "42501": ("refuses this user", "grant the user of TIMESCALE_USER the right to create tables, and to write to them"),
    "28": ("refuses this login", "look at TIMESCALE_USER and TIMESCALE_PASSWORD"),
    "3D": ("is not there", "create the database that TIMESCALE_DB names: createdb NAME"),
}
_LATER = {
    "53100": "free some space on its disk: what waits is written then",
    "25006": "it only reads, as a standby does: let TIMESCALE_HOST name the primary server",
    "23505": "another session was faster with a row: the next attempt sees it",
    "08": "",
    "53": "",
    "55P03": "",
    "57": "",
    "58": "look at its disk and its log",
    "40": "",
    "XX002": "",
}
"""Of a server that is away, too busy, full or restarting; of deadlocks and of commands that took too long."""
_AT_THE_DOOR = {
    "password authentication failed": "28",
    "no pg_hba.conf entry": "28",
    "does not exist": "3D",
}
"""A login that is refused has no SQLSTATE in libpq; words of its message, and what they mean."""


def connect(settings: TimescaleSettings) -> psycopg.Connection:
    """A new connection. Raises SinkUnavailable when nobody answers, SinkRefused for a wrong login or database."""
    with translated(name_of(settings)):
        return psycopg.connect(
            host=settings.host,
            port=settings.port,
            dbname=settings.database,
            user=settings.user,
            password=settings.password.get_secret_value() or None,
            sslmode=settings.sslmode,
            autocommit=True,  # a transaction is what `with connection.transaction()` says
            connect_timeout=_CONNECT,
            application_name="forebay",
            keepalives_idle=_SILENCE,
            tcp_user_timeout=_SILENCE * 1000,
            options=f"-c statement_timeout={_STATEMENT}s -c lock_timeout={_LOCK}s -c TimeZone=UTC "
            # nothing is known of the sizes of staging tables: rows are found by their key
            "-c client_min_messages=warning -c jit=off -c enable_seqscan=off",
        )


def name_of(settings: TimescaleSettings) -> str:
    """What the database is called in messages: `chronox at localhost:5432`."""
    return f"{settings.database} at {settings.host}:{settings.port}"


@contextmanager
def cut_after(connection: psycopg.Connection, seconds: float) -> Iterator[None]:
    """Break the connection if the block takes longer: a server that hangs answers no timeout of its own either."""
    timer = Timer(seconds, _cut, [connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: psycopg.Connection) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise SinkUnavailable or SinkRefused for any error of the database `name` in the block."""
    try:
        yield
    except psycopg.Error as error:
        raise _translate(name, error) from error


def _translate(name: str, error: psycopg.Error) -> SinkError:
    said = str(error).strip().partition("\n")[0]
    state = error.sqlstate or next((code for words, code in _AT_THE_DOOR.items() if words in str(error)), "")
    if not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return SinkUnavailable(
            f"the database {name} does not answer: {said}", remedy="start it, or look at TIMESCALE_HOST and _PORT"
        )
    for code, (what, remedy) in _REFUSED.items():
        if state.startswith(code):
            return SinkRefused(f"the database {name} {what}: {said}", remedy=remedy)
    for code, remedy in _LATER.items():
        if state.startswith(code):
            return SinkUnavailable(f"the database {name} is busy, full or away: {said}", remedy=remedy)
    return SinkRefused(f"the database {name} answers: {said}", remedy="see its log; `forebay doctor` looks at it")
