"""Coverage follows storage: rows are withdrawn, or made anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from ledger_nouns import BARS, CHECKED, covers, draft, revision

from forebay.errors import LedgerError
from forebay.ledger import Ledger
from forebay.ledger.rebuild import Rebuilt
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.coverage import Verdict
from forebay.model.partition import Partition
from forebay.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A day after everything was checked."""
    return FakeClock(CHECKED + timedelta(days=1))


def elsewhere(row, table: str = "stocks/trades"):
    return replace(row, partition=Partition(table, row.partition.symbol, row.partition.dates))


def test_withdrawn_rows_are_gone(ledger: Ledger) -> None:
    """What storage no longer has is wanted again; more rows than fit in one statement are no matter."""
    ledger.coverage.record(covers(number, number) for number in range(1200))

    assert 1199 == ledger.coverage.withdraw(covers(number, number) for number in range(1, 1300))
    assert [covers(0, 0)] == ledger.coverage.find("lake")


def test_what_was_delivered_meanwhile_stays(ledger: Ledger) -> None:
    """A row that was recorded anew after it was read is not withdrawn."""
    newer = replace(covers(0, 0), checked_at=CHECKED + timedelta(microseconds=1))
    ledger.coverage.record([newer])

    assert 0 == ledger.coverage.withdraw([covers(0, 0)])
    assert [newer] == ledger.coverage.find("lake")


def test_a_rebuild_is_what_storage_proves(ledger: Ledger) -> None:
    """Rows are added, corrected, kept and removed, table by table, and counted; a second rebuild changes nothing."""
    other = replace(covers(1, 1), evidence=replace(covers(1, 1).evidence, revision=revision("e2")))
    ledger.coverage.record([covers(0, 0), covers(1, 1), covers(3, 3), elsewhere(covers(0, 0))])
    proven = [covers(0, 0), other, covers(2, 2)]

    assert Rebuilt(added=1, changed=1, kept=1, removed=2) == ledger.coverage.rebuild("lake", iter(proven))
    assert proven == ledger.coverage.find("lake")
    assert Rebuilt(kept=3) == ledger.coverage.rebuild("lake", iter(proven))


def test_a_rebuild_leaves_what_it_cannot_know(ledger: Ledger, clock: FakeClock) -> None:
    """Verdicts that storage does not prove, deliveries since it began, tables not asked for, other destinations."""
    rows = [
        covers(0, 0, Verdict.MISSING_UPSTREAM),
        replace(covers(1, 1), checked_at=clock.now()),
        elsewhere(covers(2, 2)),
    ]
    away = replace(covers(3, 3), destination="archive")
    ledger.coverage.record([*rows, away])

    assert Rebuilt() == ledger.coverage.rebuild("lake", [], tables=[BARS])
    assert rows == ledger.coverage.find("lake")
    assert [away] == ledger.coverage.find("archive")


def test_a_rebuild_refuses_rows_out_of_place(ledger: Ledger) -> None:
    """A table that comes twice or was not asked for would be emptied by its other half; it is refused."""
    apart = [covers(0, 0), elsewhere(covers(0, 0)), covers(1, 1)]

    for rows, tables in ((apart, None), (apart, [BARS]), ([replace(apart[0], destination="archive")], None)):
        with pytest.raises(ValueError, match="stocks/"):
            ledger.coverage.rebuild("lake", rows, tables)


def test_a_place_is_remembered(ledger: Ledger) -> None:
    """The last address of each destination, and none for one that nobody has named."""
    for destination, address in (("archive", "s3://old"), ("lake", "data/lake"), ("archive", "s3://new")):
        ledger.places.remember(destination, address)

    assert ["s3://new", "data/lake", None] == [ledger.places.address(name) for name in ("archive", "lake", "sink")]


def test_the_view_of_files(ledger: Ledger) -> None:
    """`files` shows the archive under the names of the earlier tracker, and nothing can be written to it.

    Tasks of other destinations are not in it; a file that is held without a task, for it was adopted, is.
    """
    adopted = replace(covers(2, 2), destination="archive")
    ledger.coverage.record([adopted, replace(covers(0, 0), destination="archive")])
    ledger.tasks.add([draft(0, destination="archive"), draft(1)])
    ledger.tasks.claim("w")
    columns = "file_key, status, retry_count, error_message, worker_id, created_at, updated_at"
    with ledger.database.read() as connection:
        rows = connection.execute(sa.text(f"SELECT {columns} FROM files ORDER BY file_key")).all()
    dataset = LAKE_DATASETS[adopted.partition.table]
    assert [(draft(0).key, "processing", 0, None, "w")] == [row[:5] for row in rows if row[1] != "completed"]
    assert [(dataset.key(adopted.partition.day), "completed", 0, None, None)] == [
        row[:5] for row in rows if row[1] == "completed"
    ]

    with pytest.raises(LedgerError, match="files"), ledger.database.write() as connection:
        connection.execute(sa.text("UPDATE files SET status = 'completed'"))
