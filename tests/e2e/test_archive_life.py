"""What happens to an archive over the years: workers that hang, an earlier tracker, lost lakes, two of everything."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from homes import END, START, Home, published
from postgres_server import create_database, postgresql

from forebay import Sandbox
from forebay.ledger import Ledger
from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Verdict
from forebay.model.task import TaskState
from forebay.orchestration.discoverer import historical
from forebay.testing import FakeClock

OPTIONS = DATASETS["us_options_opra/day_aggs_v1"]
SESSIONS = session_days("XNYS", START, END)
DATES = ("--start", str(START), "--end", str(END))
_numbers = count()


@pytest.fixture(scope="module")
def server():
    with postgresql() as folder:
        yield folder


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_stopped_worker_is_taken_over_from_and_cannot_complete_when_it_revives(home, vendor, database, request):
    """SIGSTOP in mid-transfer: 90 seconds later another worker has the task; SIGCONT, and nothing changes any more."""
    settings = {"BANDWIDTH_LIMIT": "20kB", "WORKER_CONCURRENCY": "1"}
    if database == "postgresql":
        settings["DATABASE_URL"] = create_database(request.getfixturevalue("server"), f"life_{next(_numbers)}")
    assert 0 == home.run("discoverer", "on-demand", "--dates", str(SESSIONS[0]), **settings).returncode
    stopped = home.start("worker", "--once", **settings)
    try:
        with home.app(**settings) as app:
            _wait_for(lambda: app.ledger.tasks.find()[0].state is TaskState.DOWNLOADING)
            stopped.send_signal(signal.SIGSTOP)
        late = FakeClock(datetime.now(UTC) + timedelta(seconds=90))
        with home.app(late, **{**settings, "BANDWIDTH_LIMIT": "0"}) as app:
            app.worker().drain()
            first = app.ledger.tasks.find()[0]
            covered = app.ledger.coverage.find("archive")
    finally:
        stopped.send_signal(signal.SIGCONT)
    said = stopped.communicate(timeout=60)[1]

    with home.app(**settings) as app:
        after = app.ledger.tasks.find()[0]
        assert covered == app.ledger.coverage.find("archive")
    assert (TaskState.COMPLETED, 1) == (first.state, first.crashes)
    assert first == after
    assert "lease_lost" in said
    key = OPTIONS.key(SESSIONS[0])
    assert published(vendor, key) == (home.folder / "data" / "archive" / key).read_bytes()
    assert [] == home.litter()


def _wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_sigterm_gives_the_task_back_at_once(home):
    """The first would wait for the file's end; the second leaves no half file, no lease and no attempt behind."""
    settings = {"BANDWIDTH_LIMIT": "1kB"}
    home.run("discoverer", "on-demand", "--dates", str(SESSIONS[0]))
    worker = home.start("worker", **settings)
    with home.app() as app:
        _wait_for(lambda: app.ledger.tasks.find()[0].state is TaskState.DOWNLOADING)
        assert "worker_started" in worker.stderr.readline()
        worker.terminate()
        assert "finishing what runs" in worker.stderr.readline()
        worker.terminate()
        worker.communicate(timeout=30)
        task = app.ledger.tasks.find()[0]

    assert 130 == worker.returncode
    assert (TaskState.PENDING, 0, 0) == (task.state, task.attempt, task.crashes)
    assert [] == home.litter()


def test_two_discoverers_at_once_queue_each_file_once(home):
    """Started in the same second by two cron lines."""
    both = [home.start("discoverer", "historical", *DATES, "--json") for _ in range(2)]
    answers = [json.loads(each.communicate(timeout=60)[0])["discovered"][0] for each in both]

    assert [0, 0] == [each.returncode for each in both]
    assert len(SESSIONS) == sum(answer["added"] for answer in answers)


def test_the_lake_is_built_from_the_archive_without_the_vendor(tmp_path):
    """The vendor is gone and so is the lake: the archive brings back the same rows."""
    names = "us_options_opra/day_aggs_v1,us_stocks_sip/minute_aggs_v1"
    with Sandbox(start=START, end=END, tickers=8) as vendor:
        home = Home(tmp_path, vendor)
        assert 0 == home.run("sync", "--datasets", names, *DATES, "--into", "archive,lake").returncode
        before = {table: home.lake.sql(f"select * from {table} order by all") for table in _TABLES}
    for path in sorted((tmp_path / "data" / "lake").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    done = home.run("lake", "load", POLYGON_S3_ACCESS_KEY_ID="", POLYGON_S3_SECRET_ACCESS_KEY="", POLYGON_API_KEY="")

    assert 0 == done.returncode, done.stderr
    assert f"{2 * len(SESSIONS)} files loaded from the archive, 0 not" in done.stdout
    for table, rows in before.items():
        assert rows.equals(home.lake.sql(f"select * from {table} order by all"))
    again = home.run("lake", "load", POLYGON_S3_ACCESS_KEY_ID="", POLYGON_S3_SECRET_ACCESS_KEY="", POLYGON_API_KEY="")
    assert "0 files loaded" in again.stdout


_TABLES = ("options.bars_1d", "stocks.bars_1m")


def test_what_only_the_vendor_has_waits_while_the_lake_is_built_without_it(home, vendor):
    """A queued day that the archive lacks is not given up for want of keys: whoever has them takes it later."""
    home.run("sync", *_OF_ONE_DAY, "--start", str(SESSIONS[1]), "--end", str(SESSIONS[1]), "--into", "archive")
    home.run("discoverer", "historical", *_OF_ONE_DAY, "--start", str(SESSIONS[0]), "--end", str(SESSIONS[0]), *_LAKE)
    no_keys = {"POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": "", "POLYGON_API_KEY": ""}

    done = home.run("lake", "load", **no_keys)

    assert (0, True) == (done.returncode, "1 files loaded from the archive, 0 not" in done.stdout), done.stderr
    with home.app() as app:
        waiting = next(task for task in app.ledger.tasks.find() if task.draft.partition.day == SESSIONS[0])
    assert (TaskState.PENDING, 0, "out_of_reach") == (waiting.state, waiting.attempt, waiting.error_kind)


_OF_ONE_DAY = ("--datasets", "us_options_opra/day_aggs_v1")
_LAKE = ("--into", "lake")


def test_loading_from_the_archive_leaves_the_vendor_alone(home, vendor):
    """With keys at hand, too: a waiting task that only the vendor could serve goes on waiting."""
    home.run("discoverer", "on-demand", "--dates", str(SESSIONS[0]))
    home.run("worker", "--once")
    home.run("discoverer", "on-demand", "--dates", str(SESSIONS[1]), "--into", "lake")
    before = len(vendor.requests)

    done = home.run("lake", "load", "--dataset", OPTIONS.name)

    assert 0 == done.returncode, done.stderr
    assert "1 files loaded from the archive, 0 not" in done.stdout
    assert before == len(vendor.requests)


def test_an_earlier_trackers_files_are_taken_over(home, vendor):
    """Completed rows whose file is there are held; one whose file is gone, and all others, are queued; nothing else."""
    done, lost, failed, waiting = SESSIONS[:4]
    database = home.folder / "data" / "download_tracker.db"
    database.parent.mkdir()
    with sqlite3.connect(database) as tracker:
        tracker.execute(
            "CREATE TABLE files (id INTEGER PRIMARY KEY, file_key VARCHAR UNIQUE, status VARCHAR, retry_count INTEGER, "
            "error_message TEXT, worker_id VARCHAR, created_at DATETIME, updated_at DATETIME)"
        )
        states = {done: "completed", lost: "completed", failed: "permanent_failure", waiting: "processing"}
        tracker.executemany(
            "INSERT INTO files (file_key, status, retry_count, created_at) VALUES (?, ?, 1, '2025-01-01 00:00:00')",
            [(OPTIONS.key(day), state) for day, state in states.items()],
        )
        tracker.execute("INSERT INTO files (file_key, status) VALUES (?, 'pending')", (OPTIONS.key(date(2199, 1, 2)),))
    archived = home.folder / "data" / "archive" / OPTIONS.key(done)
    archived.parent.mkdir(parents=True)
    archived.write_bytes(published(vendor, OPTIONS.key(done)))

    said = home.run("discoverer", "on-demand", "--dates", str(SESSIONS[8]))
    assert 0 == said.returncode, said.stderr
    assert "taken over from the earlier tracker: 1 files held, 3 queued" in said.stderr
    assert f"{OPTIONS.key(date(2199, 1, 2))!r} in the earlier tracker is no flat file" in said.stderr
    before = len(vendor.requests)
    assert 0 == home.run("worker", "--once").returncode

    fetched = {request.path[-17:-7] for request in list(vendor.requests)[before:] if request.kind == "data"}
    assert {str(day) for day in (lost, failed, waiting, SESSIONS[8])} == fetched
    with Ledger.open(f"sqlite:///{database}", FakeClock()) as ledger:
        held = ledger.coverage.find("archive", verdicts=[Verdict.COMPLETE])
    assert {*SESSIONS[:4], SESSIONS[8]} == {row.partition.day for row in held}
    assert 1 == len(list(database.parent.glob("download_tracker.db.before-forebay-*")))


def test_an_archive_that_moved_is_asked_about(home):
    """The ledger's files are at another place than the settings say: told before anything is fetched twice."""
    with home.app() as app:
        app.settle_archive()
        app.discoverer().discover(historical([OPTIONS], SESSIONS[0], SESSIONS[0], ["archive"]))
        app.worker().drain()
    said = home.run("discoverer", "historical", *DATES, ARCHIVE_URI=str(home.folder / "elsewhere"))

    assert 2 == said.returncode
    assert "the ledger's archive is at" in said.stderr
    assert "ledger rebuild" in said.stderr


def test_a_worker_that_lacks_the_archives_settings_does_not_fill_a_place_of_its_own(home):
    """Queued for one place, before anything is held there: a worker that is set to another one refuses."""
    home.run("discoverer", "historical", *DATES)
    said = home.run("worker", "--once", ARCHIVE_URI=str(home.folder / "elsewhere"))

    assert (2, True) == (said.returncode, "the ledger's archive is at" in said.stderr)
    assert not (home.folder / "elsewhere").exists()
    assert 0 == home.run("worker", "--once").returncode


def test_a_worker_without_keys_says_what_it_leaves_waiting(home):
    """Forgotten keys are no quiet success."""
    home.run("discoverer", "historical", *DATES)
    said = home.run("worker", "--once", POLYGON_S3_ACCESS_KEY_ID="", POLYGON_S3_SECRET_ACCESS_KEY="")

    assert 3 == said.returncode
    assert "mirror tasks are waiting that this worker leaves to others: POLYGON_S3_ACCESS_KEY_ID" in said.stderr


def test_spooled_files_go_by_way_of_the_disk_and_leave_nothing(home, vendor):
    """--spool: the same bytes, and the local file is gone."""
    home.run("discoverer", "historical", *DATES)
    assert 0 == home.run("worker", "--once", "--spool").returncode

    for day in SESSIONS:
        key = OPTIONS.key(day)
        assert published(vendor, key) == (home.folder / "data" / "archive" / key).read_bytes()
    assert [] == home.litter()


def test_every_dataset_of_the_vendor_can_be_archived(tmp_path):
    """Quotes, values and futures too: one day of each of the 33, byte for byte."""
    day = date(2026, 3, 10)
    with Sandbox(start=date(2026, 3, 9), end=date(2026, 3, 11), tickers=4) as vendor:
        home = Home(tmp_path, vendor)
        with home.app() as app:
            app.settle_archive()
            app.discoverer().discover(historical(DATASETS.values(), day, day, ["archive"]))
            app.worker().drain()
            tasks = app.ledger.tasks.find(limit=100)
        for name, dataset in DATASETS.items():
            held = tmp_path / "data" / "archive" / dataset.key(day)
            assert published(vendor, dataset.key(day)) == held.read_bytes(), name

    assert {(TaskState.COMPLETED, None)} == {(task.state, task.error_kind) for task in tasks}
