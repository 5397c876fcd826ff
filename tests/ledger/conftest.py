"""Every promise of the ledger is tested on both databases: `url` and `ledger` come twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest
from budget_load import open_budget
from postgres_server import create_database, postgresql
from redis_server import redis_server

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
    database = connect(create_database(server, name))
    upgrade(database)
    database.close()
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def blank_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/blank.db"
    return create_database(request.getfixturevalue("server"), f"ledger_{next(_numbers)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger, once on SQLite and once on PostgreSQL."""
    return ledger_url(request, tmp_path)


def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        path = tmp_path / "ledger.db"
        shutil.copy(request.getfixturevalue("empty_file"), path)
        return f"sqlite:///{path}"
    template = request.getfixturevalue("empty_template")
    return create_database(request.getfixturevalue("server"), f"ledger_{next(_numbers)}", template)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(url: str, clock: FakeClock) -> Iterator[Ledger]:
    with Ledger.open(url, clock, rng=Random(1), timeout=10) as opened:
        yield opened


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a rate budget lives that nobody has used for an hour, for `open_budget`: each promise is tested in each."""
    if request.param != "redis":
        return ledger_url(request, tmp_path)
    found = f"{request.getfixturevalue('redis_url')}#account-{next(_numbers)}"
    with open_budget(found, 1, FakeClock(FakeClock().now() - timedelta(hours=1))) as budget:
        budget.acquire()
    return found
