"""Opening the database, and what it says when it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from ledger_nouns import draft

from forebay.db.engine import Database, connect
from forebay.db.migrate import upgrade
from forebay.errors import ForebayError, LedgerError, LedgerUnavailable, UsageError
from forebay.ledger import Ledger
from forebay.testing import FakeClock

FORK = get_context("fork")
ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


def complaint(url: str, timeout: float = 0.2) -> LedgerError:
    """What opening a ledger at `url` raises."""
    with pytest.raises(LedgerError) as caught:
        Ledger.open(url, FakeClock(), timeout=timeout)
    return caught.value


@pytest.mark.parametrize("url", ["mysql://root:hunter2@db/x", "hunter2", "", "oracle://:hunter2", "sqlite:8hunter2"])
def test_other_addresses_are_refused(url: str) -> None:
    """An address of another database is a usage error that names the two that work, and shows no password."""
    with pytest.raises(UsageError) as caught:
        connect(url)

    assert "SQLite or PostgreSQL" in str(caught.value)
    assert "sqlite:///" in caught.value.remedy
    assert "postgresql://" in caught.value.remedy
    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_ledger_in_memory_is_refused(url: str) -> None:
    """A SQLite address without a file is a usage error."""
    with pytest.raises(UsageError, match="names no file"):
        connect(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_spelling_of_postgresql_works(scheme: str, server: str) -> None:
    """What other programs call a PostgreSQL address is one, with our driver."""
    database = connect(f"{scheme}://postgres@/postgres?host={server}")

    with database.read() as connection:
        assert 1 == connection.scalar(sa.select(1))
    assert "postgresql" == database.dialect
    database.close()


def test_a_missing_driver_names_the_extra() -> None:
    """Without psycopg, a PostgreSQL address says what to install."""
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from forebay.db.engine import connect\n"
        "try: connect('postgresql://u:hunter2@h/d')\n"
        "except Exception as error: print(type(error).__name__, error, error.remedy)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert said.startswith("UsageError")
    assert "forebay[distributed]" in said
    assert "hunter2" not in said


def test_the_folder_is_made(tmp_path: Path) -> None:
    """A ledger in a folder that is not there makes it, parents too."""
    path = tmp_path / "a" / "b" / "ledger.db"

    Ledger.open(f"sqlite:///{path}", FakeClock()).close()

    assert path.is_file()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the folder's place is an error that names the folder."""
    (tmp_path / "file").write_text("")

    error = complaint(f"sqlite:///{tmp_path}/file/ledger.db")

    assert str(tmp_path / "file") in str(error)
    assert "DATABASE_URL" in error.remedy


def test_a_relative_address_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changing the working folder later does not move the ledger."""
    monkeypatch.chdir(tmp_path)
    database = connect("sqlite:///data/ledger.db")
    monkeypatch.chdir("/")

    upgrade(database)

    assert (tmp_path / "data" / "ledger.db").is_file()
    database.close()


def test_a_folder_in_the_files_place(tmp_path: Path) -> None:
    """A database that cannot be opened is an error with its path and the next step."""
    error = complaint(f"sqlite:///{tmp_path}")

    assert f"the ledger {tmp_path} cannot be opened" == str(error)
    assert "write" in error.remedy


def test_another_kind_of_file_is_left_alone(tmp_path: Path) -> None:
    """A file that is no database is named, and not touched."""
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 500)

    error = complaint(f"sqlite:///{path}")

    assert f"the ledger {path} is not a SQLite database" == str(error)
    assert "dear diary, " * 500 == path.read_text()


def test_a_damaged_file(tmp_path: Path, empty_file: Path) -> None:
    """A database whose pages are garbage is an error that says so, with the driver's own as its cause."""
    path = tmp_path / "ledger.db"
    content = bytearray(empty_file.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)

    error = complaint(f"sqlite:///{path}")

    assert "is damaged" in str(error)
    assert isinstance(error.__cause__, sa.exc.DBAPIError)


def test_a_full_disk_loses_nothing(tmp_path: Path, empty_file: Path) -> None:
    """A write that finds no room is an error; what was there before is still there, and works when there is room."""
    path = tmp_path / "ledger.db"
    path.write_bytes(empty_file.read_bytes())
    with Ledger.open(f"sqlite:///{path}", FakeClock()) as ledger:
        ledger.tasks.add([draft(0)])
        sa.event.listen(ledger.database.engine, "checkout", _no_more_pages)

        with pytest.raises(LedgerError, match="has no room on its disk") as caught:
            ledger.tasks.add(draft(number) for number in range(1, 1000))

        assert "free some space" in caught.value.remedy
        assert 1 == sum(ledger.tasks.counts().values())


def _no_more_pages(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute("PRAGMA max_page_count = 1")


@ON_SQLITE
def test_a_locked_file(url: str, ledger: Ledger) -> None:
    """Another program's lock is waited for as long as the timeout says, then named: it may pass."""
    other = sqlite3.connect(ledger.database.name, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    impatient = Ledger.open(url, FakeClock(), timeout=0.05)

    with pytest.raises(LedgerUnavailable, match="is locked by another program"):
        impatient.tasks.add([draft(0)])
    other.execute("COMMIT")
    other.close()

    assert 1 == impatient.tasks.add([draft(0)])
    impatient.close()


def test_a_read_only_file(empty_file: Path) -> None:
    """Without the right to write, opening is an error that says so."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        path = Path(name) / "ledger.db"
        path.write_bytes(empty_file.read_bytes())
        path.chmod(0o444)
        path.parent.chmod(0o555)
        said = as_somebody_else(lambda: Ledger.open(f"sqlite:///{path}", FakeClock()).tasks.add([draft(0)]))
        path.parent.chmod(0o755)

    assert ["LedgerError", f"the ledger {path} is read-only"] == said[:2]
    assert "writable" in said[2]


def as_somebody_else(action: Callable[[], object]) -> list[str]:
    """Do it without root's rights; the error's name, message and remedy."""
    answers = FORK.Queue()
    child = FORK.Process(target=_answer, args=(action, answers))
    child.start()
    said: list[str] = answers.get(timeout=20)
    child.join(20)
    return said


def _answer(action: Callable[[], object], answers) -> None:
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        action()
    except ForebayError as error:
        answers.put([type(error).__name__, str(error), error.remedy])
    else:
        answers.put(["no error"])


def test_a_server_that_is_away(tmp_path: Path) -> None:
    """A server that does not answer may come back: temporary, with what to look at, without the password."""
    error = complaint(f"postgresql://me:hunter2@/ledger?host={tmp_path}", timeout=2)

    assert isinstance(error, LedgerUnavailable)
    assert "does not answer" in str(error)
    assert "DATABASE_URL" in error.remedy
    assert "hunter2" not in f"{error} {error.remedy} {error.__cause__}"


@ON_POSTGRESQL
def test_a_server_that_hangs_up(server: str, ledger: Ledger) -> None:
    """Connections that the server has ended are replaced, and the next call works."""
    ledger.tasks.add([draft(0)])
    with psycopg.connect(host=server, user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    assert 1 == ledger.tasks.add([draft(1)])


@ON_POSTGRESQL
def test_a_connection_cut_in_a_transaction(server: str, ledger: Ledger) -> None:
    """A transaction whose connection is cut has not happened; the error says that it may pass."""

    def write_and_lose_the_server() -> None:
        with ledger.database.write() as connection:
            connection.execute(sa.text("DELETE FROM rate_pause"))
            with psycopg.connect(host=server, user="postgres", dbname="postgres", autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            connection.execute(sa.text("SELECT 1"))

    with pytest.raises(LedgerUnavailable):
        write_and_lose_the_server()

    with ledger.database.read() as connection:
        assert 1 == connection.scalar(sa.text("SELECT count(*) FROM rate_pause"))


def test_a_long_statement_is_cut(server: str) -> None:
    """No statement outlives the timeout."""
    database = connect(f"postgresql://postgres@/postgres?host={server}", timeout=0.1)

    with pytest.raises(LedgerUnavailable, match="busy or away"), database.read() as connection:
        connection.execute(sa.text("SELECT pg_sleep(60)"))
    database.close()


def test_a_database_that_is_not_there(server: str) -> None:
    """The server's own words name the database."""
    error = complaint(f"postgresql://postgres@/nowhere?host={server}", timeout=5)

    assert '"nowhere" does not exist' in str(error)


def test_an_error_of_the_block_is_not_ours(ledger: Ledger) -> None:
    """What the caller raises inside a transaction passes through, and the transaction is rolled back."""

    def write_and_fail() -> None:
        with ledger.database.write() as connection:
            connection.execute(sa.text("DELETE FROM rate_pause"))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        write_and_fail()

    with ledger.database.read() as connection:
        assert 1 == connection.scalar(sa.text("SELECT count(*) FROM rate_pause"))


def test_a_wrong_statement_is_a_ledger_error(ledger: Ledger) -> None:
    """Anything else the database complains of is a LedgerError that names the ledger."""
    with pytest.raises(LedgerError, match="nonsense"), ledger.database.read() as connection:
        connection.execute(sa.text("SELECT nonsense FROM tasks"))


def test_many_threads_share_one_ledger(ledger: Ledger) -> None:
    """Threads of one process use one ledger at once, and none loses a write."""
    threads = [threading.Thread(target=ledger.tasks.add, args=([draft(number)],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 8 == sum(ledger.tasks.counts().values())


def test_a_child_process_opens_connections_of_its_own(ledger: Ledger) -> None:
    """After a fork, parent and child both go on with the same object."""
    ledger.tasks.add([draft(0)])
    child = FORK.Process(target=ledger.tasks.add, args=([draft(1)],))
    child.start()
    child.join(20)
    ledger.tasks.add([draft(2)])

    assert 0 == child.exitcode
    assert 3 == sum(ledger.tasks.counts().values())


@ON_SQLITE
def test_finished_work_survives_a_power_cut(ledger: Ledger) -> None:
    """What must last is synced to the disk when its transaction returns; SQLite does it before it says so."""
    assert 2 == _sync_level(ledger.database, durable=True)
    assert 1 == _sync_level(ledger.database, durable=False)


def _sync_level(database: Database, *, durable: bool) -> int:
    with database.write(durable=durable) as connection:
        level: int = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        return level
