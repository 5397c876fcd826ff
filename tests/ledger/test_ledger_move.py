"""A ledger moves between databases whole, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from ledger_nouns import BARS, covers, draft

from forebay.db.tables import metadata, runs, schedule, streams
from forebay.db.types import Instant
from forebay.errors import LedgerError
from forebay.ledger import Ledger
from forebay.ledger.move import move_between
from forebay.model.registry import IngestionStrategy, SymbolRegistry
from forebay.model.task import Done, TaskState
from forebay.symbols.registry import Registry
from forebay.testing import FakeClock


@pytest.fixture
def filled(tmp_path, clock):
    """The address of a SQLite ledger with a completed and a waiting task, coverage, and a rate budget in use."""
    url = f"sqlite:///{tmp_path}/old.db"
    with Ledger.open(url, clock) as ledger:
        ledger.tasks.add([draft(0), draft(1)])
        lease = ledger.tasks.claim("w")
        ledger.tasks.finish(lease, Done((covers(0, 0),)))
        ledger.budget.acquire()
    return url


def test_everything_arrives_and_goes_on(filled: str, blank_url: str, clock: FakeClock) -> None:
    """Tasks, coverage and numbers: the new ledger is the old one, and its next task has the next number."""
    counts = move_between(filled, blank_url, clock.now())

    with Ledger.open(filled, clock) as old, Ledger.open(blank_url, clock) as new:
        assert (2, 1) == (counts["tasks"], counts["coverage"])
        assert old.tasks.find() == new.tasks.find()
        assert old.coverage.find("lake", BARS) == new.coverage.find("lake", BARS)
        assert 1 == new.tasks.add([draft(2)])
        assert 3 == max(task.id for task in new.tasks.find())


def test_the_registry_moves_with_the_ledger(filled: str, blank_url: str, clock: FakeClock) -> None:
    """Symbols as they are, once nobody runs them; a registry at the target is not written over."""
    with Ledger.open(filled, clock) as ledger:
        registry = Registry(ledger.database, clock)
        registry.add(SymbolRegistry("AAp", IngestionStrategy.STREAM, metadata={"start": "2024-01-02"}))
        (claimed,) = registry.claim("w", 1)
        with pytest.raises(LedgerError, match="worker w is at work"):
            move_between(filled, blank_url, clock.now())
        registry.finish(claimed, {}, "no answer")
        before = registry.list()
    with Ledger.open(blank_url, clock) as ledger:
        there = Registry(ledger.database, clock)
        there.add(SymbolRegistry("KO"))
        with pytest.raises(LedgerError, match="symbol_registry has rows"):
            move_between(filled, blank_url, clock.now())
        there.delete("KO")

        move_between(filled, blank_url, clock.now())

        assert before == there.list()


def test_a_ledger_is_not_moved_onto_another(filled: str, blank_url: str, clock: FakeClock) -> None:
    """A second move finds rows and changes nothing."""
    move_between(filled, blank_url, clock.now())

    with pytest.raises(LedgerError, match="is not empty"):
        move_between(filled, blank_url, clock.now())
    with Ledger.open(blank_url, clock) as new:
        assert 1 == new.tasks.counts()[TaskState.COMPLETED]


def test_an_address_without_a_ledger_is_not_moved(tmp_path, blank_url: str, clock: FakeClock) -> None:
    """A typing error in FROM is said; nothing is made there."""
    with pytest.raises(LedgerError, match="there is no ledger at"):
        move_between(f"sqlite:///{tmp_path}/typo.db", blank_url, clock.now())

    assert not (tmp_path / "typo.db").exists()


def test_a_ledger_at_work_is_not_moved(filled: str, blank_url: str, clock: FakeClock) -> None:
    """A worker that holds a lease would finish in the old one."""
    with Ledger.open(filled, clock) as old:
        old.tasks.claim("busy-worker")

        with pytest.raises(LedgerError, match="busy-worker is at work"):
            move_between(filled, blank_url, clock.now())


def any_value(column: sa.Column) -> object:
    """Something that fits the column and is not what it would be by itself. Instants are past."""
    if isinstance(column.type, Instant):
        return datetime(2020, 2, 29, 1, 2, 3, 456_789, tzinfo=UTC)
    kinds = {str: f"{column.name} é", bool: True, int: 7, float: 0.1, date: date(2020, 2, 29)}
    return kinds.get(column.type.python_type, {"a": [1, None, "b"]})


def test_every_table_moves(tmp_path, blank_url: str, clock: FakeClock) -> None:
    """Whatever tables there are, each with a row whose every column is set: the row at the target is the same."""
    source = f"sqlite:///{tmp_path}/full.db"
    with Ledger.open(source, clock) as old, old.database.write() as connection:
        for table in metadata.sorted_tables:
            connection.execute(sa.delete(table))
            connection.execute(sa.insert(table), {column.name: any_value(column) for column in table.columns})

    counts = move_between(source, blank_url, clock.now())

    assert {table.name: 1 for table in metadata.sorted_tables} == counts
    assert _everything(source, clock) == _everything(blank_url, clock)


def _everything(url: str, clock: FakeClock) -> dict[str, list[sa.Row]]:
    with Ledger.open(url, clock) as ledger, ledger.database.read() as connection:
        return {table.name: list(connection.execute(sa.select(table))) for table in metadata.sorted_tables}


@pytest.mark.parametrize(
    ("table", "who", "until"),
    [
        (runs, "service", "lease_expires_at"),
        (streams, "worker_id", "lease_expires_at"),
        (schedule, "leader", "leads_until"),
    ],
)
def test_a_ledger_that_a_service_uses_is_not_moved(
    tmp_path, blank_url: str, clock: FakeClock, table, who, until
) -> None:
    """A run, a stream or a daemon would go on in the old one; when its lease is over it is no hindrance."""
    source = f"sqlite:///{tmp_path}/busy.db"
    with Ledger.open(source, clock) as old, old.database.write() as connection:
        row = {column.name: any_value(column) for column in table.columns}
        connection.execute(sa.delete(table))
        connection.execute(sa.insert(table), {**row, who: "north", until: clock.now() + timedelta(seconds=30)})

    with pytest.raises(LedgerError, match="north is at work"):
        move_between(source, blank_url, clock.now())

    clock.advance(31)
    assert 1 == move_between(source, blank_url, clock.now())[table.name]


def test_a_universe_at_the_target_is_not_written_over(filled: str, blank_url: str, clock: FakeClock) -> None:
    """Every table counts, not the queue alone."""
    universe = metadata.tables["universe"]
    with Ledger.open(blank_url, clock) as new, new.database.write() as connection:
        connection.execute(sa.insert(universe), {column.name: any_value(column) for column in universe.columns})

    with pytest.raises(LedgerError, match="universe has rows"):
        move_between(filled, blank_url, clock.now())
