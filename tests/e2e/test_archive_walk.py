"""The archive as its users run it: discoverer, workers, a bucket; with SQLite and with PostgreSQL."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from itertools import count

import psycopg
import pytest
from homes import END, START, Home, published
from postgres_server import create_database, postgresql
from s3_server import a_bucket

import forked
from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS

OPTIONS = DATASETS["us_options_opra/day_aggs_v1"]
SESSIONS = session_days("XNYS", START, END)
_numbers = count()


@pytest.fixture(scope="module")
def server():
    with postgresql() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """The DATABASE_URL of a new ledger; the default one for SQLite."""
    if request.param == "sqlite":
        return None
    return create_database(request.getfixturevalue("server"), f"walk_{next(_numbers)}")


@pytest.fixture
def bucket():
    """An empty bucket on a real S3 server, with the settings that name it as Backblaze B2's are named."""
    with a_bucket() as made:
        yield made


@pytest.fixture
def walker(tmp_path, vendor, bucket, database):
    """A folder with the user's .env in it, and nothing else."""
    lines = {
        **vendor.env,
        "B2_KEY_ID": bucket.key_id,
        "B2_APPLICATION_KEY": bucket.secret,
        "B2_BUCKET_NAME": bucket.name,
        "B2_ENDPOINT_URL": bucket.endpoint,
        "LOG_LEVEL": "INFO",
        "WORKER_POLL_SECONDS": "0.2",
    }
    if database:
        lines["DATABASE_URL"] = database
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return Walker(Home(tmp_path, vendor), bucket, database)


class Walker:
    """Types the commands of a guide, one after the other."""

    def __init__(self, home, bucket, database):
        self.home, self.bucket, self.database = home, bucket, database

    @property
    def env(self):
        return {name: value for name, value in self.home.env.items() if name in ("PATH", "HOME", "LANG")}

    def __call__(self, *args, code=0):
        done = forked.run(*args, cwd=self.home.folder, env=self.env)
        assert code == done.returncode, done.stdout + done.stderr
        return done.stdout

    def start_worker(self, *args):
        worker = forked.forebay("worker", *args, cwd=self.home.folder, env=self.env)
        assert "worker_started" in worker.stderr.readline()
        return worker

    def files(self):
        """The view `files`, as a tool that knew the earlier tracker asks for it."""
        query = "SELECT file_key, status, retry_count, worker_id FROM files ORDER BY file_key"
        if self.database:
            with psycopg.connect(self.database) as connection:
                return connection.execute(query).fetchall()
        with sqlite3.connect(self.home.folder / "data" / "download_tracker.db") as connection:
            return connection.execute(query).fetchall()

    def wait_until_completed(self, expected):
        """Until as many tasks are completed."""
        deadline = time.monotonic() + 60
        while sum(status == "completed" for _, status, _, _ in self.files()) < expected:
            assert time.monotonic() < deadline, self.files()
            time.sleep(0.1)


def truth(vendor, days):
    """What the vendor's bucket serves: key to MD5."""
    return {key: md5(published(vendor, key)).hexdigest() for key in map(OPTIONS.key, days)}


def test_the_guide_step_by_step(walker, vendor, bucket):
    """Historical, one worker in the foreground, on demand, daily, several workers: every file once, byte for byte."""
    first, last = SESSIONS[0], SESSIONS[9]
    walker("discoverer", "historical", "--start_date", str(first), "--end_date", str(last))
    assert [("pending", 0, None)] * 10 == [row[1:] for row in walker.files()]

    one = walker.start_worker()
    walker.wait_until_completed(10)
    one.send_signal(signal.SIGTERM)
    said = one.communicate(timeout=30)[1]
    assert 0 == one.returncode, said
    assert "completed" in said

    walker("discoverer", "on-demand", "--dates", ",".join(map(str, SESSIONS[10:])))
    several = [walker.start_worker() for _ in range(3)]
    walker.wait_until_completed(len(SESSIONS))
    for each in several:
        each.terminate()
    assert [0, 0, 0] == [each.wait(30) for each in several]
    for each in several:
        each.close()

    assert truth(vendor, SESSIONS) == bucket.digests()
    assert [(OPTIONS.key(day), "completed", 0) for day in SESSIONS] == [row[:3] for row in walker.files()]
    assert "nothing to do" in walker("discoverer", "historical", "--start", str(first), "--end", str(END))


def test_tasks_show_state_worker_and_times(walker):
    """What the tracker kept of a file is in `forebay tasks`: states with their times, retries, worker, error."""
    walker("discoverer", "on-demand", "--dates", str(SESSIONS[0]))
    walker("worker", "--once")
    task = json.loads(walker("tasks", "list", "--json"))[0]

    assert ("completed", 0, None) == (task["state"], task["attempt"], task["error_message"])
    order = ["pending", "processing", "downloading", "downloaded", "uploading", "completed"]
    times = [task["history"][state] for state in order]
    assert times == sorted(times)


def test_a_worker_drains_on_sigterm_and_loses_nothing_on_sigkill(walker, vendor, bucket):
    """Killed in the middle, another worker of the same machine goes on at once."""
    walker("discoverer", "historical", "--start", str(SESSIONS[0]), "--end", str(SESSIONS[-1]))
    victim = walker.start_worker("--concurrency", "1", "--bandwidth", "20kB")
    walker.wait_until_completed(1)
    victim.kill()
    victim.communicate(timeout=30)
    walker("worker", "--once")

    assert truth(vendor, SESSIONS) == bucket.digests()
    assert [] == bucket.open_uploads()
    assert {"completed"} == {row[1] for row in walker.files()}


def test_the_archive_then_the_lake_asks_the_vendor_once(walker, vendor):
    """`--into archive,lake`: the file comes once over the wire, and the lake reads the archive."""
    day = str(SESSIONS[3])
    walker("discoverer", "on-demand", "--dates", day, "--into", "archive,lake")
    before = len(vendor.requests)
    walker("worker", "--once")

    assert 1 == sum(request.kind == "data" for request in list(vendor.requests)[before:])
    rows = walker("query", "select count(*) as n from options.bars_1d", "--json")
    assert json.loads(rows)[0]["n"] > 0


def test_next_weeks_daily_runs(walker):
    """A cron line's life: each day's run queues that day, a second run nothing."""
    said = walker("discoverer", "daily")
    newest = date.fromisoformat(said.partition("the newest session is ")[2][:10])

    assert timedelta(days=5) > datetime.now(UTC).date() - newest
