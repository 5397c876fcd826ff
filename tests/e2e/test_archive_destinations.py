"""Whatever the archive's store does: recovered, or the file's name with the reason; the queue survives."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from hashlib import md5

import pytest
from homes import Home, published
from s3_server import a_bucket

from chaos_proxy import Fault, anything, as_b2_refuses, cap_reached, chaos, method, read_only_keys, writes
from forebay import Sandbox
from forebay.errors import StoreError
from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS
from forebay.model.task import TaskState
from forebay.orchestration.discoverer import historical

START, END = date(2026, 3, 2), date(2026, 3, 11)
OPTIONS = DATASETS["us_options_opra/day_aggs_v1"]
SESSIONS = session_days("XNYS", START, END)


@pytest.fixture(scope="module")
def vendor():
    with Sandbox(start=START, end=END, tickers=8) as running:
        yield running


@pytest.fixture
def home(tmp_path, vendor):
    return Home(tmp_path, vendor)


@pytest.fixture
def bucket():
    with a_bucket() as made:
        yield made


def settings(bucket, endpoint):
    return {
        "B2_KEY_ID": bucket.key_id,
        "B2_APPLICATION_KEY": bucket.secret,
        "B2_BUCKET_NAME": bucket.name,
        "B2_ENDPOINT_URL": endpoint,
    }


def archive(home, **env):
    """Discoverer and one worker, in this process; the tasks as they ended."""
    with home.app(**env) as app:
        app.settle_archive()
        app.discoverer().discover(historical([OPTIONS], START, END, ["archive"]))
        app.worker().drain()
        return app.ledger.tasks.find()


def truth(vendor):
    return {OPTIONS.key(day): md5(published(vendor, OPTIONS.key(day))).hexdigest() for day in SESSIONS}


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(writes, status=503, code="SlowDown", first=2, times=2)],
        [Fault(writes, drop=True, first=3)],
        [Fault(writes, drop=True, heard=True, first=2)],
        [Fault(method("HEAD"), status=500, code="InternalError", times=3)],
        [as_b2_refuses()],
    ],
    ids=["slow_down", "connection_cut", "answer_lost", "server_error", "headers_that_b2_refuses"],
)
def test_what_passes_leaves_no_trace(home, vendor, bucket, faults):
    """Every file is there, once, byte for byte, and nothing is left open."""
    with chaos(bucket.endpoint, *faults) as proxy:
        tasks = archive(home, **settings(bucket, proxy.url))

    assert {TaskState.COMPLETED} == {task.state for task in tasks}
    assert truth(vendor) == bucket.digests()
    assert [] == bucket.open_uploads()


def test_a_file_that_the_store_refuses_for_good_is_given_up_and_the_rest_goes_on(home, vendor, bucket):
    """Every attempt at one key ends in 503: failed_upload, then permanent_failure with the reason."""
    refused = OPTIONS.key(SESSIONS[3])
    fault = Fault(lambda asked: writes(asked) and asked.path.endswith(refused), 503, "SlowDown", times=None)
    with chaos(bucket.endpoint, fault) as proxy:
        tasks = archive(home, **settings(bucket, proxy.url))

    states = {task.draft.key: task for task in tasks}
    given_up = states.pop(refused)
    assert TaskState.PERMANENT_FAILURE is given_up.state
    assert TaskState.FAILED_UPLOAD in given_up.history
    assert 2 == given_up.attempt
    assert "503" in given_up.error_message
    assert {TaskState.COMPLETED} == {task.state for task in states.values()}


def test_a_daily_cap_is_waited_for_and_counts_nothing(home, vendor, bucket):
    """B2's 403 for a cap that is used up: pending until it is reset, and then everything arrives."""
    with chaos(bucket.endpoint, cap_reached()) as proxy:
        tasks = archive(home, **settings(bucket, proxy.url))
    assert {(TaskState.PENDING, 0)} == {(task.state, task.attempt) for task in tasks}
    assert all("cap" in task.error_message for task in tasks)
    assert all(timedelta(0) < task.available_at - task.updated_at <= timedelta(days=1) for task in tasks)

    with home.app(**settings(bucket, bucket.endpoint)) as app:
        app.ledger.tasks.retry(states=[TaskState.PENDING])
        app.worker().drain()
    assert truth(vendor) == bucket.digests()


@pytest.mark.parametrize("fault", [read_only_keys(), Fault(anything, 404, "NoSuchBucket", times=None)])
def test_what_no_file_can_escape_is_said_once_and_the_queue_survives(home, vendor, bucket, fault):
    """Keys without write permission, a bucket that is not there: one error, every task still pending."""
    with chaos(bucket.endpoint, fault) as proxy, pytest.raises(StoreError) as raised:
        archive(home, **settings(bucket, proxy.url))

    assert raised.value.remedy
    assert bucket.secret not in str(raised.value)
    with home.app(**settings(bucket, bucket.endpoint)) as app:
        assert {(TaskState.PENDING, 0)} == {(task.state, task.attempt) for task in app.ledger.tasks.find()}
        app.worker().drain()
    assert truth(vendor) == bucket.digests()


SMALL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from forebay.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (2**21, resource.RLIM_INFINITY))
sys.exit(main(["worker", "--once"]))
"""


def test_a_file_that_does_not_fit_is_given_up_and_the_rest_goes_on(tmp_path):
    """A disk that takes no file of that size: the others are archived, exit code 3, the reason is in the ledger."""
    trades = DATASETS["us_stocks_sip/trades_v1"]
    own = tmp_path / "own" / trades.key(SESSIONS[2])
    own.parent.mkdir(parents=True)
    own.write_bytes(_incompressible(trades))
    with Sandbox(start=START, end=END, tickers=2, extra_files=tmp_path / "own") as vendor:
        home = Home(tmp_path, vendor)
        assert 0 == home.run("discoverer", "historical", "--dataset", trades.name).returncode
        command = [sys.executable, "-c", SMALL_DISK]
        done = subprocess.run(command, cwd=tmp_path, env=home.env, capture_output=True, text=True, check=False)
        with home.app() as app:
            tasks = {task.draft.partition.day: task for task in app.ledger.tasks.find()}

    given_up = tasks.pop(SESSIONS[2])
    assert 3 == done.returncode, done.stderr
    assert TaskState.PERMANENT_FAILURE is given_up.state
    assert "no space left" in given_up.error_message
    assert {TaskState.COMPLETED} == {task.state for task in tasks.values()}
    assert [] == home.litter()


def _incompressible(dataset):
    import gzip
    from random import Random

    noise = Random(1).randbytes(2**21).hex()
    return gzip.compress(f"{','.join(dataset.columns)}\n{noise}\n".encode(), 1)
