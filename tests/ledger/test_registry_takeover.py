"""A registry of the system before Forebay, in the ledger's database, becomes Forebay's: whole, and once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from forebay.db.engine import Database, connect
from forebay.db.migrate import upgrade
from forebay.errors import LedgerError
from forebay.model.registry import IngestionStatus, IngestionStrategy, SymbolRegistry
from forebay.symbols.registry import Registry
from forebay.testing import FakeClock

EARLIER = """
CREATE TABLE symbol_registry (
    symbol VARCHAR(10) PRIMARY KEY, strategy VARCHAR(50) NOT NULL, status VARCHAR(20) DEFAULT 'idle',
    enabled BOOLEAN DEFAULT true, last_backfill TIMESTAMPTZ, last_snapshot TIMESTAMPTZ, last_stream TIMESTAMPTZ,
    error_message TEXT, metadata JSONB, created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
)
"""
ROWS = """
INSERT INTO symbol_registry (symbol, strategy, status, enabled, last_backfill, error_message, metadata) VALUES
    ('aapl', 'FLATPACK', 'idle', true, '2025-01-13T09:00:00.25-05:00', NULL, '{"start": "2024-01-02"}'),
    ('AAPL', 'flatpack_snapshot_stream', 'running', true, '2025-01-13T14:00:00+00:00', NULL, NULL),
    ('NVDA', 'snapshot', 'error', true, NULL, 'HTTP 429: Rate limit exceeded', '{}'),
    ('KO', 'flatpack_api', 'disabled', true, NULL, NULL, '{}'),
    ('T', 'stream', 'idle', false, NULL, NULL, '{}'),
    ('F', 'SNAPSHOT_STREAM', NULL, NULL, NULL, NULL, '{}')
"""


@pytest.fixture
def database(blank_url: str) -> Iterator[Database]:
    """A database with the earlier table and its rows, and nothing else."""
    opened = connect(blank_url)
    run(opened, EARLIER, ROWS)
    yield opened
    opened.close()


def run(database: Database, *statements: str) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.execute(sa.text(statement.replace(":", r"\:")))


def test_every_row_of_the_earlier_registry_is_kept(database: Database) -> None:
    """Symbols, strategies, times and metadata are as they were; whoever was running is not any more."""
    upgrade(database)

    found = {entry.symbol: entry for entry in Registry(database, FakeClock()).list()}
    assert ["AAPL", "F", "KO", "NVDA", "T", "aapl"] == list(found)
    assert IngestionStrategy.FLATPACK_SNAPSHOT_STREAM is found["AAPL"].strategy
    assert datetime(2025, 1, 13, 14, 0, tzinfo=UTC) == found["AAPL"].last_backfill
    assert datetime(2025, 1, 13, 14, 0, 0, 250_000, tzinfo=UTC) == found["aapl"].last_backfill
    assert ({}, {"start": "2024-01-02"}) == (found["AAPL"].metadata, found["aapl"].metadata)
    assert ("HTTP 429: Rate limit exceeded", 1) == (found["NVDA"].error_message, found["NVDA"].failures)
    idle, disabled = (IngestionStatus.IDLE, True), (IngestionStatus.DISABLED, False)
    expected = [idle, idle, disabled, (IngestionStatus.ERROR, True), disabled, idle]
    assert expected == [(entry.status, entry.enabled) for entry in found.values()]


def test_the_registry_taken_over_is_one_like_others(database: Database) -> None:
    """It takes symbols longer than the earlier one could hold, and every symbol can be run at once."""
    upgrade(database)
    registry = Registry(database, FakeClock())
    registry.add(SymbolRegistry("O:SPY251219C00650000"))

    claims = registry.claim("w", 10)

    assert ["AAPL", "F", "NVDA", "O:SPY251219C00650000", "aapl"] == [claimed.symbol for claimed in claims]
    with database.read() as connection:
        assert 6 == connection.scalar(sa.text("SELECT count(*) FROM symbol_registry_before_forebay"))


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE symbol_registry SET strategy = 'yearly' WHERE symbol = 'KO'", "keeps KO by the strategy 'yearly'"),
        ("ALTER TABLE symbol_registry RENAME COLUMN strategy TO plan", "without strategy"),
    ],
)
def test_a_registry_that_is_not_understood_is_left_alone(database: Database, statement: str, says: str) -> None:
    """It is refused by name, with the next step, and nothing was changed."""
    run(database, statement)

    with pytest.raises(LedgerError, match=says) as caught:
        upgrade(database)

    assert "nothing was changed" in caught.value.remedy
    with database.read() as connection:
        assert ["symbol_registry"] == sa.inspect(connection).get_table_names()
