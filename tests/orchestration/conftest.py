"""A real ledger in a folder of its own, and a clock that tests own."""

from datetime import UTC, datetime

import pytest

from forebay.ledger import Ledger
from forebay.testing import FakeClock

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
"""A Friday morning in New York; the last complete session is Thursday the 19th."""


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def ledger(tmp_path, clock):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock, calls_per_minute=0) as opened:
        yield opened
