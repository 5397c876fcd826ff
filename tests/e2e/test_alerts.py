"""Alerts as somebody gets them: by a web hook that is a real server, from commands and from the daemon."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from shell import HELD

from forebay.app import App, new_worker_id
from forebay.app.alerts import people, tell
from forebay.app.daemon import open_scheduler
from forebay.app.ingest import open_ingest
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source
from forebay.model.task import Discard, TaskDraft, TaskKind
from forebay.settings import load
from forebay.telemetry.logs import configure_logs
from forebay.telemetry.redact import Redactor
from forebay.testing import FakeClock

TOKEN = "T0kenOfTheHook9"
MINUTES = 60.0
HOURS = 60 * MINUTES
BAD = Partition("stocks/bars_1d", "AAPL", Interval(date(2026, 3, 5), date(2026, 3, 5)))


@contextmanager
def _hook():
    """A server that keeps what is posted to it, and its address."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield taken, f"json://user:a-Pass1word@127.0.0.1:{server.server_port}/hook/{TOKEN}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hook():
    with _hook() as found:
        yield found


@pytest.fixture
def clock():
    """Of a Monday at noon in New York: what the sandbox had on Friday is published."""
    return FakeClock(datetime(2026, 3, 9, 17, tzinfo=UTC))


@pytest.fixture
def daemons(tmp_path, clock, hook):
    """Two applications over one ledger in which a task was given up; the second is another daemon, or a restart."""
    _, url = hook
    env = {"FOREBAY_HOME": str(tmp_path / "data"), "ALERT_URLS": url, "ALERT_DISK_PERCENT": "0"}
    made = [App(load(environ=env), clock, new_worker_id()) for _ in range(2)]
    _give_up(made[0].ledger)
    yield made
    for app in made:
        app.close()


def _give_up(ledger: Ledger) -> None:
    draft = TaskDraft(TaskKind.LOAD, "some/file.csv.gz", "us_stocks_sip/day_aggs_v1", BAD, "lake", Source.FLATFILE)
    ledger.tasks.add([draft])
    ledger.tasks.finish(ledger.tasks.claim("worker-1"), Discard("odd", "it cannot be read"))


def test_a_condition_is_told_once_repeated_rarely_and_its_end_told(daemons, hook, clock):
    """Two daemons that look every five minutes send one message a day, and one in the end."""
    taken, _ = hook
    one, other = daemons
    for _ in range(3):
        assert all(tell(one).sent.values())
        tell(other)
        clock.advance(5 * MINUTES)
    [first] = taken
    assert "Forebay: 1 to look at" == first["title"]
    assert "NEW failed_tasks: 1 load tasks were given up" in first["message"]
    assert "it cannot be read" in first["message"]
    assert "Next: forebay tasks" in first["message"]

    clock.advance(24 * HOURS)
    tell(other)
    tell(one)
    assert (2, True) == (len(taken), taken[1]["message"].startswith("STILL failed_tasks"))

    one.ledger.tasks.cancel(TaskFilter(), "not wanted")
    one.ledger.tasks.retry()
    one.ledger.tasks.cancel(TaskFilter(), "not wanted")
    for app in (one, other, one):
        clock.advance(5 * MINUTES)
        tell(app)
    assert (3, "Forebay: 1 over") == (len(taken), taken[2]["title"])
    assert taken[2]["message"].startswith("OVER failed_tasks (load), which began 2026-03-09 17:00 UTC")


def test_the_daemon_tells_as_its_schedule_says(daemons, hook, clock):
    """The leader looks every five minutes; without addresses there is no such job."""
    taken, _ = hook
    scheduler = open_scheduler(daemons[0], open_ingest(daemons[0]))
    scheduler.jobs = [job for job in scheduler.jobs if job.name == "alerts"]
    scheduler.register()
    for _ in range(3):
        clock.advance(5 * MINUTES)
        scheduler.tick()
    assert 1 == len(taken)
    assert [("alerts", 3, None)] == [(job.name, job.runs, job.error) for job in scheduler.book.look().jobs]


def test_an_address_that_is_away_costs_a_line(daemons, hook, clock, capsys):
    """Nothing is raised, the other address is told, and what nobody took is told at the next look."""
    taken, url = hook
    away = f"json://127.0.0.1:1/{TOKEN}"
    app = daemons[0]
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logs("DEBUG", redact=Redactor(app.settings.secrets()))
    try:
        settings = load(environ={"FOREBAY_HOME": str(app.settings.folders.home), "ALERT_URLS": away})
        nobody = App(settings, clock, new_worker_id())
        assert {"1 (json)": False} == tell(nobody).sent
        nobody.close()
        settings = load(environ={"FOREBAY_HOME": str(app.settings.folders.home), "ALERT_URLS": f"{away},{url}"})
        both = App(settings, clock, new_worker_id())
        assert {"1 (json)": False, "2 (json)": True} == tell(both).sent
        both.close()
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert 1 == len(taken)
    said = capsys.readouterr().err
    assert 2 == said.count("alert_not_sent")
    assert TOKEN not in said


def test_the_commands(shell, hook, clock):
    """A test message, what is wrong now and since when, and one look that tells; secrets are shown nowhere."""
    taken, url = hook
    assert 0 == shell("sync", *HELD).code
    shell.env |= {"ALERT_DISK_PERCENT": "0"}
    shell.refuses("alerts", says="ALERT_URLS is not set", next_step="ALERT_URLS=mailto://")
    quiet = shell("alerts", "status")
    assert (0, "nothing is wrong\n") == (quiet.code, quiet.out)

    tested = shell("alerts", "test", ALERT_URLS=url)
    assert (0, "address 1 (json): sent\n", "Forebay: a test") == (tested.code, tested.out, taken[0]["title"])
    assert 3 == shell("alerts", "test", ALERT_URLS=f"{url},json://127.0.0.1:1/{TOKEN}").code

    _fail_one(shell)
    found = shell("alerts", "status", "--json")
    [raised] = json.loads(found.out)["raised"]
    assert (3, "failed_tasks", "load", None) == (found.code, raised["condition"], raised["subject"], raised["told_at"])
    told = shell("alerts", "--log-level", "DEBUG", ALERT_URLS=url)
    assert (0, 3) == (told.code, len(taken)), told.all
    assert "failed_tasks" in told.out
    assert "2026-03-09 17:00" in shell("alerts", "status").out
    shown = shell("config", "show", ALERT_URLS=url)
    assert not any(secret in said.all for said in (*shell.said, shown) for secret in (TOKEN, "a-Pass1word"))


def _fail_one(shell):
    with Ledger.open("sqlite:///data/download_tracker.db", shell.clock) as ledger:
        _give_up(ledger)


def test_an_address_that_nobody_knows_is_refused_without_being_told(shell):
    """Neither as a setting nor by apprise, and its token is in no message."""
    for url in (f"hook/{TOKEN}", f"nosuchservice://{TOKEN}/x"):
        said = shell.refuses("alerts", "test", says="ALERT_URLS", next_step="", ALERT_URLS=url)
        assert TOKEN not in said.all


def test_a_ledger_that_is_away_is_an_error_and_no_alarm(shell, tmp_path):
    """What cannot be judged is not said to be well."""
    said = shell("alerts", "status", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert (1, "") == (said.code, said.out)


def test_a_stale_table_is_told_after_its_hours(home, clock, hook):
    """A session that is published at eleven is missed six hours later, and not before."""
    _, url = hook
    with home.app(clock, ALERT_URLS=url, ALERT_DISK_PERCENT="0") as app:
        from forebay.model.catalogue import LAKE_DATASETS
        from forebay.model.feed import Feed

        app.ledger.feeds.remember(Feed("days", (LAKE_DATASETS["stocks/bars_1d"],), start=date(2026, 3, 9)))
        seen = []
        for hours in (0, 22, 2):  # the session of the 9th is published on the 10th at 15:00 UTC
            clock.advance(hours * HOURS)
            seen.append([notice.raised.alert.condition.value for notice in tell(app, people(app)).notices])
        clock.advance(timedelta(hours=5).total_seconds())
        seen.append([notice.raised.alert.condition.value for notice in tell(app, people(app)).notices])
    assert [[], [], [], ["dataset_stale"]] == seen
