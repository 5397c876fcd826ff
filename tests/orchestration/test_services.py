"""Processes that outlive their starter: real ones, small."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from redis import Redis
from redis_server import redis_server

from forebay.errors import BrokerUnavailable
from forebay.orchestration.celery.services import redis_service, worker_services
from forebay.orchestration.services import NotStarted, Service, Services

WAITS = "import time; print('here I am', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"


def service(name, code=WAITS):
    return Service(name, (sys.executable, "-c", code), ready="here I am")


@pytest.fixture
def services(tmp_path):
    services = Services(tmp_path / "services")
    yield services
    services.stop(list(services.running()), 0)


def start(services, *wanted, deadline=20):
    return services.start(wanted, os.environ, deadline)


def test_what_was_started_runs_until_it_is_stopped(services):
    """Ready when `start` returns, known by name, started once, gone after `stop`."""
    assert ["one", "two"] == start(services, service("one"), service("two"))
    running = services.running()
    assert ["three"] == start(services, service("one"), service("three"))
    assert running == {name: pid for name, pid in services.running().items() if name != "three"}
    assert [] == services.stop(["one", "three"], 20)
    assert {"two": running["two"]} == services.running()


def test_a_large_log_is_put_aside(services):
    """Starting a service bounds its log: a large one makes room for a new one, a small one is added to."""
    services.folder.mkdir()
    services.log("one").write_bytes(b"x" * 10_000_000)
    services.log("two").write_bytes(b"as before\n")
    start(services, service("one"), service("two"))
    assert b"here I am\n" == services.log("one").read_bytes()
    assert 10_000_000 == (services.folder / "one.log.1").stat().st_size
    assert b"as before\nhere I am\n" == services.log("two").read_bytes()


def test_a_failure_is_told_without_its_traceback(services):
    """A port that is in use, say: the library's last line is shown, the way there is in the log."""
    with pytest.raises(NotStarted, match=r"one ended with code 1: OSError: port in use$"):
        start(services, service("one", "raise OSError('port in use')"))
    assert "Traceback" in services.log("one").read_text()


def test_the_lock_tells_who_lives_and_not_the_number(services):
    """A process that was killed is not taken for running, though its pid file is there and names a living process."""
    start(services, service("one"))
    os.kill(services.running()["one"], signal.SIGKILL)
    until = time.monotonic() + 10
    while services.running():
        assert time.monotonic() < until
    (services.folder / "one.pid").write_text(str(os.getpid()))

    assert {} == services.running()
    assert ["one"] == start(services, service("one"))


def test_who_does_not_end_in_time_is_killed(services):
    """Asked first, then killed."""
    start(services, service("one", STUBBORN))

    assert ["one"] == services.stop(["one"], 0.2)


@pytest.mark.parametrize(
    ("code", "why"),
    [("raise SystemExit('REDIS_URL is wrong')", "ended with code 1: REDIS_URL is wrong"), ("nonsense", "NameError")],
)
def test_what_does_not_start_says_why(services, code, why):
    """The end of its log is in the error, and where the rest is."""
    with pytest.raises(NotStarted, match=why) as refused:
        start(services, service("one", code))
    assert str(services.log("one")) in refused.value.remedy


def test_what_is_not_ready_in_time_is_said(services):
    """The wait has an end."""
    with pytest.raises(NotStarted, match="one is not ready yet"):
        start(services, service("one", "import time; time.sleep(60)"), deadline=0.3)


def test_a_redis_is_started_where_none_answers(services, monkeypatch):
    """On this machine, without a password; never beside one that answers, never on another machine's behalf."""
    with redis_server() as other:
        assert redis_service(other.url, services.folder) is None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            url = f"redis://127.0.0.1:{probe.getsockname()[1]}/0"
        start(services, redis_service(url, services.folder))
        with Redis.from_url(url) as client:
            assert client.ping()
        assert redis_service(url, services.folder) is None
    with pytest.raises(BrokerUnavailable):
        redis_service(other.url.replace("redis://", "redis://:secret@"), services.folder)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BrokerUnavailable):
        redis_service(other.url, services.folder)


def test_one_worker_discovers_and_the_others_download():
    """As users of the earlier pipeline know it; a single one does everything."""
    six = {one.name: one.command[one.command.index("-Q") + 1] for one in worker_services(6)}
    (alone,) = worker_services(1)

    assert {"discovery": "discovery", **{f"download{n}": "download,default" for n in range(1, 6)}} == six
    assert "discovery,download,default" in alone.command


def test_celery_without_redis_says_what_to_set(tmp_path):
    """One line and the next step, not a traceback."""
    command = [sys.executable, "-m", "celery", "-A", "forebay.celery_app", "inspect", "ping"]
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    assert done.stderr.startswith("error: no Redis: REDIS_URL")
    assert "\nnext: Put REDIS_URL=redis://" in done.stderr
