"""What the vendor's tests share: a scripted server and a clock that only sleeping moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from forebay.testing import FakeClock
from scripted import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A real server on a free port."""
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands on a Friday morning in New York."""
    return FakeClock(datetime(2024, 3, 8, 15, 0, tzinfo=UTC))
