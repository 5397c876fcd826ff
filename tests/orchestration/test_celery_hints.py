"""Hints over a real Redis: bounded, never needed, never believed; and what a process does with one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from redis import Redis
from redis_server import redis_server

from forebay.errors import BrokerUnavailable, UsageError, WrongKey
from forebay.ledger.filter import TaskFilter
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source
from forebay.model.task import Done, TaskDraft, TaskKind, TaskState
from forebay.orchestration.celery.broker import Broker
from forebay.orchestration.celery.crew import Crew, Crews
from forebay.orchestration.celery.hints import Hints
from forebay.orchestration.celery.queues import DEFAULT, DISCOVERY, DOWNLOAD, queue_of
from forebay.orchestration.celery.setup import make_celery
from forebay.orchestration.celery.tasks import NotDone, Runs
from forebay.orchestration.leases import HeldLeases
from forebay.orchestration.worker import Worker
from forebay.settings import load

DAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def server():
    with redis_server() as running:
        yield running


@pytest.fixture
def redis(server):
    with Redis.from_url(server.url, decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture
def celery(server):
    with make_celery(load(environ={"REDIS_URL": server.url})) as app:
        yield app


@pytest.fixture
def broker(server):
    broker = Broker(server.url)
    yield broker
    broker.close()


def drafts(count, kind=TaskKind.FETCH):
    for number in range(count):
        partition = Partition("stocks/bars_1m", "AAPL", Interval(DAY + timedelta(number), DAY + timedelta(number)))
        yield TaskDraft(kind, f"{kind}-{number}", "rest/bars/1m", partition, "lake", Source.REST, priority=number)


def done(lease, clock):
    draft = lease.task.draft
    return Done((Coverage(draft.partition, "lake", draft.source, Verdict.COMPLETE, Evidence(rows=7), clock.now()),))


@dataclass
class Request:
    """How the message came."""

    delivery_info: dict = field(default_factory=dict)


@dataclass
class Bound:
    """What Celery binds a task to, as far as a run looks at it."""

    request: Request = field(default_factory=Request)
    told: list = field(default_factory=list)

    def update_state(self, state, meta):
        self.told.append((state, meta))


@pytest.fixture
def runs(ledger, clock, broker, celery):
    """How to run hinted tasks with a handler."""

    def made(handle):
        worker = Worker(ledger, {TaskKind.FETCH: handle}, clock, "worker-1", 1, HeldLeases(ledger.tasks))
        hints = Hints(celery, broker, ledger.tasks)
        return Runs(Crews(lambda: Crew(worker, broker, hints, ledger.tasks.rescue, lambda: None)))

    return made


def test_hints_name_what_may_be_claimed_in_the_order_of_claims(redis, celery, broker, ledger):
    """By queue and priority, never above the bound, and none twice while the first is still in its queue."""
    ledger.tasks.add([*drafts(30), *drafts(1, TaskKind.IDENTIFY), *drafts(1, TaskKind.EXPORT)])
    ledger.tasks.pause(TaskFilter(ids=[30]))
    hints = Hints(celery, broker, ledger.tasks, full=20)

    assert [22, 0] == [hints.fill(), hints.fill()]
    assert {DISCOVERY: 1, DOWNLOAD: 20, DEFAULT: 1} == {
        name: redis.llen(name) for name in (DISCOVERY, DOWNLOAD, DEFAULT)
    }
    assert set(range(10, 30)) == broker.hinted(DOWNLOAD)  # task 30, the first of all, is paused
    redis.flushall()
    redis.rpush(DOWNLOAD, "not a message of ours")
    assert 21 == hints.fill()


def test_every_kind_of_task_has_a_queue_that_workers_listen_to(celery):
    """Discovery apart, transfers apart, all else in the default queue."""
    assert {DISCOVERY, DOWNLOAD, DEFAULT} == {queue_of(kind) for kind in TaskKind} == set(celery.amqp.queues)


def test_a_broker_that_is_away_is_told_at_once(server, ledger, broker, celery):
    """Nothing is waited for, and the error names the way out."""
    ledger.tasks.add(drafts(3))
    server.stop()
    try:
        for ask in (broker.ping, lambda: broker.depth(DOWNLOAD), Hints(celery, broker, ledger.tasks).fill):
            with pytest.raises(BrokerUnavailable, match="Redis does not answer"):
                ask()
    finally:
        server.start()


def test_one_sweep_at_a_time(redis, broker):
    """Whoever asks first may; when it has ended the next waits out the pause; an emptied Redis asks anew."""
    assert [True, False] == [broker.may_sweep(), broker.may_sweep()]
    broker.swept(30)
    assert not broker.may_sweep()
    redis.flushall()
    assert broker.may_sweep()


def test_a_run_tells_its_steps_and_what_became_of_it(runs, ledger, clock):
    """Progress for the result backend, then key, state and rows."""
    ledger.tasks.add(drafts(1))
    bound = Bound()

    def handle(lease, step):
        step(TaskState.DOWNLOADING)
        return done(lease, clock)

    result = runs(handle).run(bound, 1)

    assert [("downloading", {"task": 1, "key": "fetch-0"})] == bound.told
    assert ("fetch-0", "done", "completed", 7) == tuple(result[name] for name in ("key", "outcome", "state", "rows"))


def test_a_failure_is_a_failure_to_celery_too(runs, ledger):
    """The ledger keeps the reason and tries again; Flower shows it."""
    ledger.tasks.add(drafts(1))

    def handle(lease, step):
        raise ZeroDivisionError("a bug")

    with pytest.raises(NotDone, match="fetch-0: failed_download: ZeroDivisionError: a bug"):
        runs(handle).run(Bound(), 1)
    assert TaskState.FAILED_DOWNLOAD is ledger.tasks.get(1).state


def test_a_hint_about_a_task_that_somebody_has_is_nothing(runs, ledger, clock):
    """No handler is called; of a message that came again not even a result is kept."""
    from celery.exceptions import Ignore

    ledger.tasks.add(drafts(1))
    ledger.tasks.claim("worker-2")
    run = runs(None).run

    assert {"task": 1, "state": "left alone"} == run(Bound(), 1)
    with pytest.raises(Ignore):
        run(Bound(Request({"redelivered": True})), 1)


def test_what_would_stop_every_task_makes_the_process_rest(runs, ledger, clock):
    """A wrong key costs no attempt; the next hint waits half a minute, and then is run."""
    ledger.tasks.add(drafts(2))
    answers = iter([WrongKey("unknown key")])

    def handle(lease, step):
        for error in answers:
            raise error
        return done(lease, clock)

    held = runs(handle)
    with pytest.raises(WrongKey):
        held.run(Bound(), 1)
    began = clock.now()
    held.run(Bound(), 2)

    assert timedelta(seconds=30) == clock.now() - began
    assert [(TaskState.PENDING, 0), (TaskState.COMPLETED, 0)] == [
        (task.state, task.attempt) for task in (ledger.tasks.get(1), ledger.tasks.get(2))
    ]


def test_the_sweep_rescues_and_sends(runs, redis, ledger, clock):
    """A worker that fell silent an hour ago loses its task; a hint for it is sent."""
    ledger.tasks.add(drafts(1))
    ledger.tasks.claim("worker-2")
    clock.sleep(3600)

    assert 1 == runs(None).sweep()
    assert 1 == redis.llen(DOWNLOAD)


def test_a_result_that_cannot_be_kept_is_let_go(server, celery):
    """A task does not fail because Redis is away: the ledger knows how it ended."""
    server.stop()
    try:
        assert {"rows": 1} == celery.backend.store_result("1-a", {"rows": 1}, "SUCCESS")
    finally:
        server.start()


def test_without_the_libraries_the_extra_is_named(monkeypatch, server, ledger):
    """Whoever needs no broker installs none; whoever configures one is told what to install."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(UsageError) as refused:
        Broker(server.url)
    assert "forebay[distributed]" in refused.value.remedy


_IMPORT = """
import sys, threading
import forebay.celery_app
heavy = ("polars", "obstore", "deltalake", "pyarrow", "pandas", "duckdb", "numpy", "boto3", "exchange_calendars")
assert not [name for name in heavy if name in sys.modules], sorted(set(heavy) & set(sys.modules))
assert 1 == threading.active_count()
"""


def test_the_parent_of_the_workers_loads_no_data_library(server, tmp_path):
    """What it loads its children inherit; a thread or an open database would not survive the fork."""
    env = {"REDIS_URL": server.url, "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", _IMPORT], env=env, cwd=tmp_path, capture_output=True, check=False)
    assert b"" == done.stderr
    assert not list(tmp_path.iterdir())


def test_results_go_where_they_are_meant_and_fail_no_task(monkeypatch, server):
    """CELERY_RESULT_BACKEND names another database; it does not replace the backend that forgives a lost result."""
    elsewhere = server.url.removesuffix("/0") + "/1"
    monkeypatch.setenv("CELERY_RESULT_BACKEND", elsewhere)
    with make_celery(load(environ={"REDIS_URL": server.url, "CELERY_RESULT_BACKEND": elsewhere})) as app:
        assert ("Results", elsewhere) == (type(app.backend).__name__, app.backend.url)
