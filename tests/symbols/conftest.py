"""A simulated vendor with a client for it, and the universe table on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from postgres_server import create_database, postgresql

from forebay.db.engine import connect
from forebay.db.migrate import upgrade
from forebay.sandbox.server import Sandbox
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


@pytest.fixture(params=["sqlite", "postgresql"])
def universes(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Universes]:
    """An empty universe table."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/ledger.db"
    else:
        url = create_database(request.getfixturevalue("server"), f"symbols_{next(_numbers)}")
    database = connect(url)
    upgrade(database)
    yield Universes(database, clock)
    database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)
