"""Every promise of the ledger is tested on both databases: `url` and `ledger` come twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

import psycopg
import pytest
from postgres_server import postgresql

from forebay.db.engine import connect
from forebay.db.migrate import upgrade
from forebay.ledger import Ledger
from forebay.testing import FakeClock

_numbers = count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgresql() as folder:
        yield folder


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite ledger with nothing in it, to be copied: faster than making one for each test."""
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    database = connect(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def empty_template(server: str) -> str:
    """The same on the server, as a template database."""
    name = "empty_ledger"
    _command(server, f"CREATE DATABASE {name}")
    database = connect(_address(server, name))
    upgrade(database)
    database.close()
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def blank_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/blank.db"
    return _new_database(request.getfixturevalue("server"), "template1")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "ledger.db"
        shutil.copy(request.getfixturevalue("empty_file"), path)
        return f"sqlite:///{path}"
    return _new_database(request.getfixturevalue("server"), request.getfixturevalue("empty_template"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(url: str, clock: FakeClock) -> Iterator[Ledger]:
    with Ledger.open(url, clock, rng=Random(1), timeout=10) as opened:
        yield opened


def _new_database(server: str, template: str) -> str:
    name = f"ledger_{next(_numbers)}"
    _command(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return _address(server, name)


def _command(server: str, statement: str) -> None:
    with psycopg.connect(host=server, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(statement)


def _address(server: str, name: str) -> str:
    return f"postgresql://postgres@/{name}?host={server}"
