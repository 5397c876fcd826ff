from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from forebay.sandbox.server import Sandbox
from forebay.testing import FakeClock

NOON = datetime(2025, 12, 1, 17, 0, tzinfo=UTC)
"""Monday noon in New York, in winter time; the newest published session is Friday 28 November, a half day."""


@pytest.fixture(scope="session")
def vendor() -> Iterator[Sandbox]:
    """A sandbox with the twenty notable stocks, at NOON; for tests that change nothing in it."""
    with Sandbox(tickers=20, clock=FakeClock(NOON)) as running:
        yield running
