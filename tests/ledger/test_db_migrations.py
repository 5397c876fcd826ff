"""The tables come from the migrations, safely, and are what `tables.py` says."""

from __future__ import annotations

import re
from multiprocessing import get_context
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from forebay.db import migrate
from forebay.db.engine import connect
from forebay.db.tables import metadata
from forebay.errors import NewerVersion
from forebay.ledger import Ledger
from forebay.testing import FakeClock

FORK = get_context("fork")


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_the_migrations_make_the_tables(ledger: Ledger) -> None:
    """Column for column, the migrated database is what the tables describe."""
    with ledger.database.read() as connection:
        options = {"version_table": migrate.VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)

        assert [] == compare_metadata(context, metadata)


def test_the_migrations_make_the_same_statements(tmp_path: Path, empty_file: Path) -> None:
    """Indexes, conditions and table options too: SQLite's own description of both is the same, word for word."""
    described = connect(f"sqlite:///{tmp_path}/described.db")
    with described.write() as connection:
        metadata.create_all(connection)

    migrated = connect(f"sqlite:///{empty_file}")

    assert _statements(described) == _statements(migrated)
    described.close()
    migrated.close()


def _statements(database) -> dict[str, list[str]]:
    query = f"SELECT name, sql FROM sqlite_master WHERE sql <> '' AND name <> '{migrate.VERSION_TABLE}'"
    with database.read() as connection:
        found = connection.exec_driver_sql(query).all()
    # a column that was added later stands behind the constraints
    lines = re.compile(r"\n|, (?=hold|interactive|lowered_to|clean_since)|\)$")
    return {name: sorted(part.strip(" ,\t") for part in lines.split(sql)) for name, sql in found}


def test_the_newest_revision_is_known_without_alembic() -> None:
    """The constant that saves importing Alembic names the newest migration."""
    scripts = ScriptDirectory(str(Path(migrate.__file__).with_name("migrations")))

    assert scripts.get_current_head() == migrate.HEAD


def test_a_newer_database_is_left_alone(url: str, ledger: Ledger) -> None:
    """A ledger of a later version is refused by name, and not changed."""
    with ledger.database.write() as connection:
        connection.execute(sa.text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'"))
        connection.execute(sa.text("DROP TABLE feeds"))

    with pytest.raises(NewerVersion, match=r"later Forebay.*9999") as caught:
        Ledger.open(url, FakeClock())

    assert "install that version" in caught.value.remedy
    with ledger.database.read() as connection:
        assert not sa.inspect(connection).has_table("feeds")
        assert "9999" == connection.scalar(sa.text(f"SELECT version_num FROM {migrate.VERSION_TABLE}"))


def test_eight_processes_may_be_first(blank_url: str) -> None:
    """Whoever comes first makes the tables; the others find them."""
    start = FORK.Barrier(8)
    children = [FORK.Process(target=_open_together, args=(blank_url, start)) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)

    assert [0] * 8 == [child.exitcode for child in children]


def _open_together(url: str, start) -> None:
    start.wait(30)
    with Ledger.open(url, FakeClock()) as ledger:
        assert 0 == sum(ledger.tasks.counts().values())


def test_a_failed_migration_leaves_nothing(blank_url: str) -> None:
    """A migration that stops half-way is undone as a whole, and the next attempt is a fresh one."""
    database = connect(blank_url)
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE rate_pause (mine INTEGER)"))

    with pytest.raises(Exception, match="already exists"):
        migrate.upgrade(database)

    with database.write() as connection:
        assert ["rate_pause"] == sa.inspect(connection).get_table_names()
        connection.execute(sa.text("DROP TABLE rate_pause"))
    migrate.upgrade(database)
    with database.read() as connection:
        assert set(metadata.tables) < set(sa.inspect(connection).get_table_names())
    database.close()
