from __future__ import annotations

import pytest
from markets import NOON, PAID, SPLIT, Held, market

from forebay.testing import FakeClock


@pytest.fixture(scope="session")
def held(tmp_path_factory):
    """Raw day bars of SPLIT and PAID, minute bars of SPLIT, and the actions; for tests that change nothing in it."""
    with market() as vendor:
        home = Held(vendor, tmp_path_factory.mktemp("held"), FakeClock(NOON))
        home.sync([*SPLIT, *PAID], "stocks/bars_1d")
        home.sync(SPLIT, "stocks/bars_1m")
        home.refresh()
        yield home


@pytest.fixture
def home(tmp_path):
    """An empty home, and a vendor without faults whose requests are this test's alone."""
    with market() as vendor:
        yield Held(vendor, tmp_path, FakeClock(NOON))
