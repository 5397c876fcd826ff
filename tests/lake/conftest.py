"""A lake for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lakes import Basin


@pytest.fixture
def basin(tmp_path: Path) -> Iterator[Basin]:
    """An empty lake."""
    made = Basin(tmp_path)
    yield made
    made.staging.close()
