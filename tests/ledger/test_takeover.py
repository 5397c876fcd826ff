"""The database of the tracker before Forebay becomes a ledger: after a copy, whole, and once."""

from __future__ import annotations

import os
import signal
import sqlite3
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest
import sqlalchemy as sa
from ledger_nouns import draft

from forebay.db import migrate
from forebay.db.engine import connect
from forebay.db.takeover import ASIDE
from forebay.errors import LedgerError
from forebay.ledger import Ledger
from forebay.ledger.earlier import EarlierFile
from forebay.ledger.move import move_between
from forebay.testing import FakeClock

FORK = get_context("fork")
MADE, CHANGED = datetime(2023, 5, 1, 9, 30, 0, 250000), datetime(2023, 5, 2, 10, 0)  # it kept naive UTC
metadata = sa.MetaData()
files = sa.Table(
    "files",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file_key", sa.String, nullable=False, unique=True, index=True),
    sa.Column("status", sa.String, nullable=False, default="pending"),
    sa.Column("retry_count", sa.Integer, default=0),
    sa.Column("error_message", sa.Text),
    sa.Column("worker_id", sa.String),
    sa.Column("created_at", sa.DateTime, default=MADE),
    sa.Column("updated_at", sa.DateTime, default=CHANGED),
)
STATES = ["completed", "pending", "downloading", "failed_upload", "permanent_failure"]
ROWS = [{"file_key": f"us_options_opra/day_aggs_v1/{n:06}", "status": state} for n, state in enumerate(STATES)]


def make_tracker(url: str, rows=ROWS) -> None:
    """The tracker's database, as its own SQLAlchemy made it."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(files), rows)
    engine.dispose()


@pytest.fixture
def tracker(blank_url: str) -> str:
    make_tracker(blank_url)
    return blank_url


def tables(url: str) -> set[str]:
    database = connect(url)
    with database.read() as connection:
        found = set(sa.inspect(connection).get_table_names())
    database.close()
    return found


def copies(url: str) -> list[Path]:
    return sorted(Path(url.removeprefix("sqlite:///")).parent.glob("*before-forebay*"))


def test_what_it_knew_is_handed_on(tracker: str, clock: FakeClock) -> None:
    """Every row comes with its times as UTC, once: what is settled is not looked at again, in a later run either."""
    with Ledger.open(tracker, clock) as ledger:
        found = list(ledger.earlier.rows())
        assert [(row["file_key"], row["status"]) for row in ROWS] == [(row.file_key, row.status) for row in found]
        made, changed = (moment.replace(tzinfo=UTC) for moment in (MADE, CHANGED))
        assert EarlierFile(ROWS[0]["file_key"], "completed", 0, None, None, made, changed) == found[0]
        assert 2 == ledger.earlier.settled(row.file_key for row in found[:2])
        assert 0 == ledger.earlier.settled([found[0].file_key])
        assert 1 == ledger.tasks.add([draft(0, destination="archive")])

    with Ledger.open(tracker, clock) as ledger:
        assert found[2:] == list(ledger.earlier.rows())
    assert ASIDE in tables(tracker)


@pytest.mark.parametrize("blank_url", ["sqlite"], indirect=True)
def test_the_file_is_copied_first(tracker: str, clock: FakeClock) -> None:
    """One copy lies beside it, complete and as it was, also when the latest rows were still in the write-ahead log."""
    path = tracker.removeprefix("sqlite:///")
    open_elsewhere = sqlite3.connect(path)
    open_elsewhere.execute("PRAGMA journal_mode = WAL")
    open_elsewhere.execute("INSERT INTO files (file_key, status) VALUES ('late', 'pending')")
    open_elsewhere.commit()

    Ledger.open(tracker, clock).close()

    open_elsewhere.close()
    (copy,) = copies(tracker)
    assert "blank.db.before-forebay-20240102T000000Z" == copy.name
    with sqlite3.connect(copy) as opened:
        assert [(len(ROWS) + 1,)] == opened.execute("SELECT count(*) FROM files").fetchall()
        assert [("ok",)] == opened.execute("PRAGMA integrity_check").fetchall()
    opened.close()


def test_a_ledger_of_the_first_revision_beside_it(blank_url: str, clock: FakeClock) -> None:
    """The tracker is found also where an earlier Forebay has put its tables into the same database."""
    make_tracker(blank_url)
    database = connect(blank_url)
    from alembic import command
    from alembic.config import Config

    with database.write() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
        command.upgrade(config, "0001")
    database.close()

    with Ledger.open(blank_url, clock) as ledger:
        assert len(ROWS) == len(list(ledger.earlier.rows()))


STEPS = ["ALTER TABLE files", "CREATE TABLE tasks", "CREATE VIEW files", "INSERT INTO files_earlier", "COMMIT"]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_leaves_one_or_the_other(tracker: str, clock: FakeClock, step: str) -> None:
    """Killed before any step of the takeover, the tracker is as it was, and the next run takes it over."""
    child = FORK.Process(target=_upgrade_until, args=(tracker, step))
    child.start()
    child.join(30)

    assert -signal.SIGKILL == child.exitcode
    assert {"files"} == tables(tracker)
    with Ledger.open(tracker, clock) as ledger:
        assert len(ROWS) == len(list(ledger.earlier.rows()))


def _upgrade_until(url: str, step: str) -> None:
    database = connect(url)

    def die(*arguments) -> None:
        if step == "COMMIT" or " ".join(arguments[2].split()).startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(database.engine, "commit" if step == "COMMIT" else "before_cursor_execute", die)
    migrate.upgrade(database, FakeClock())


def test_many_processes_take_it_over_once(tracker: str, clock: FakeClock) -> None:
    """Whoever comes first takes it over; the others find a ledger, and there is one copy."""
    start = FORK.Barrier(4)
    children = [FORK.Process(target=_open_together, args=(tracker, start)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)

    assert [0] * 4 == [child.exitcode for child in children]
    assert tracker.startswith("postgresql") or 1 == len(copies(tracker))


def _open_together(url: str, start) -> None:
    start.wait(30)
    with Ledger.open(url, FakeClock()) as ledger:
        assert len(ROWS) == len(list(ledger.earlier.rows()))


@pytest.mark.parametrize(
    "made", ["CREATE TABLE files (file_key TEXT, size INTEGER)", "CREATE VIEW files AS SELECT 1 AS one"]
)
def test_somebody_elses_files_are_refused(blank_url: str, clock: FakeClock, made: str) -> None:
    """A `files` that is not the tracker's is named, and the database stays as it is."""
    database = connect(blank_url)
    with database.write() as connection:
        connection.execute(sa.text(made))
    before = tables(blank_url)

    with pytest.raises(LedgerError, match=r"has a `files` without .*retry_count") as caught:
        Ledger.open(blank_url, clock)

    assert "another database" in caught.value.remedy
    assert before == tables(blank_url)
    assert blank_url.startswith("postgresql") or [] == copies(blank_url)
    database.close()


@pytest.mark.parametrize("blank_url", ["sqlite"], indirect=True)
def test_times_of_any_spelling(blank_url: str, clock: FakeClock) -> None:
    """Other names, ISO times with a T or a zone, none, and what is no time at all; states in capitals."""
    with sqlite3.connect(blank_url.removeprefix("sqlite:///")) as opened:
        opened.execute("CREATE TABLE files (file_key, status, retry_count, error_message, worker_id, last_updated)")
        times = ["2023-05-01T09:30:00", "2023-05-01 09:30:00.000000", "2023-05-01 11:30:00+02:00", None, "soon"]
        rows = [(f"k{number}", "COMPLETED", None, None, None, time) for number, time in enumerate(times)]
        opened.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)
    opened.close()

    with Ledger.open(blank_url, clock) as ledger:
        found = list(ledger.earlier.rows())

    half_past_nine = datetime(2023, 5, 1, 9, 30, tzinfo=UTC)
    assert [half_past_nine] * 3 + [None] * 2 == [row.updated_at for row in found]
    assert {("completed", 0, None)} == {(row.status, row.retry_count, row.created_at) for row in found}


@pytest.mark.parametrize("blank_url", ["sqlite"], indirect=True)
def test_a_copy_that_cannot_be_made_stops_it(tracker: str, clock: FakeClock) -> None:
    """Without a copy nothing is taken over: the error names the copy, and the tracker is as it was."""
    (Path(tracker.removeprefix("sqlite:///")).parent / "blank.db.before-forebay.partial").mkdir()

    with pytest.raises(LedgerError, match=r"cannot copy the tracker's database to .*before-forebay-2024"):
        Ledger.open(tracker, clock)

    assert {"files"} == tables(tracker)


def test_what_is_open_moves_with_the_ledger(tracker: str, tmp_path: Path, clock: FakeClock) -> None:
    """`ledger move` takes the rows that are not settled, the places, and makes the view."""
    target = f"sqlite:///{tmp_path}/moved.db"
    with Ledger.open(tracker, clock) as old:
        old.earlier.settled([ROWS[0]["file_key"]])
        old.places.remember("archive", "s3://bucket")
        old.tasks.add([draft(0, destination="archive"), draft(0, after="archive")])

    move_between(tracker, target, clock.now())

    with Ledger.open(target, clock) as new:
        assert len(ROWS) - 1 == len(list(new.earlier.rows()))
        assert "s3://bucket" == new.places.address("archive")
        assert [None, "after:archive"] == sorted((task.hold for task in new.tasks.find()), key=bool)
        with new.database.read() as connection:
            assert 1 == connection.scalar(sa.text("SELECT count(*) FROM files"))
