"""A simulated vendor with a client for it; the universe table and the registry, on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

import pytest
from postgres_server import create_database, postgresql

from forebay.db.engine import Database, connect
from forebay.db.migrate import upgrade
from forebay.sandbox.server import Sandbox
from forebay.symbols.registry import Registry
from forebay.symbols.universes import Universes
from forebay.testing import FakeClock
from forebay.vendor.limits import NoLimit
from forebay.vendor.rest import RestClient

NOON = datetime(2025, 12, 1, 17, 0, tzinfo=UTC)
"""Monday noon in New York."""
_numbers = count()


@pytest.fixture(scope="session")
def vendor() -> Iterator[Sandbox]:
    """A vendor with the thirty notable stocks, at NOON."""
    with Sandbox(tickers=30, clock=FakeClock(NOON)) as running:
        yield running


@pytest.fixture
def rest(vendor: Sandbox) -> Iterator[RestClient]:
    with RestClient(vendor.url, vendor.env["POLYGON_API_KEY"], NoLimit(), FakeClock(NOON)) as client:
        yield client


@pytest.fixture
def calls(vendor: Sandbox):
    """How many requests the vendor has had since the test began."""
    before = len(vendor.requests)
    return lambda: len(vendor.requests) - before


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgresql() as folder:
        yield folder


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with nothing in its tables, to be copied: faster than making one for each test."""
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    _make(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def empty_template(server: str) -> str:
    """The same on the server."""
    _make(create_database(server, "empty_symbols"))
    return "empty_symbols"


def _make(url: str) -> None:
    database = connect(url)
    upgrade(database)
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with nothing in its tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_file"), tmp_path / "ledger.db")
        return f"sqlite:///{tmp_path}/ledger.db"
    template = request.getfixturevalue("empty_template")
    return create_database(request.getfixturevalue("server"), f"symbols_{next(_numbers)}", template)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = connect(url)
    yield opened
    opened.close()


@pytest.fixture
def universes(database: Database, clock: FakeClock) -> Universes:
    """An empty universe table."""
    return Universes(database, clock)


@pytest.fixture
def registry(database: Database, clock: FakeClock) -> Registry:
    """An empty registry."""
    return Registry(database, clock, Random(1))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)
