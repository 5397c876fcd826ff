"""A real PostgreSQL for bars, with TimescaleDB where it is installed, and bars to put there."""

from itertools import count

import psycopg
import pytest
from postgres_server import create_database, postgres_server

from forebay.settings import TimescaleSettings
from forebay.sinks.timescale.store import Store

_names = count()


@pytest.fixture(scope="session")
def server():
    with postgres_server() as started:
        yield started


@pytest.fixture
def database(server):
    """The settings of a new, empty database."""
    name = f"bars_{next(_names)}"
    create_database(str(server.folder), name, "template0")  # TimescaleDB's workers look into template1
    return TimescaleSettings(host=str(server.folder), database=name, user="postgres")


@pytest.fixture
def store(database):
    opened = Store(database)
    yield opened
    opened.close()


@pytest.fixture
def sql(database):
    """Rows of a query."""
    with psycopg.connect(
        host=database.host, dbname=database.database, user=database.user, autocommit=True
    ) as connection:
        connection.execute("SET TimeZone = UTC")

        def ask(query, *values):
            cursor = connection.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

        yield ask
