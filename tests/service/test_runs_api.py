"""Running the registry over HTTP, and the daemons' schedule."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from forebay import Lake, Sandbox
from forebay.clock import SystemClock
from forebay.ledger.runs import RunBook
from forebay.ledger.schedule import ScheduleBook
from forebay.model.run import Order, RunKind
from forebay.testing import FakeClock

KEPT = {"metadata": {"start": "2026-03-05", "timeframes": ["1d"]}}


@pytest.fixture(scope="module")
def vendor():
    with Sandbox(start=date(2026, 3, 2), end=date(2026, 3, 11), tickers=8) as running:
        yield running


@pytest.fixture
def client(serve, vendor):
    with serve(**vendor.env) as client:
        yield client


def test_the_registry_is_run_and_followed(client, tmp_path):
    """An order is answered at once with where to follow it; in the end each symbol has come or says why not."""
    for symbol in ("AAPL", "NoPe"):
        client.post("/api/v1/symbols", json={"symbol": symbol, **KEPT})
    ordered = client.post("/api/v1/registry/execute")
    assert 202 == ordered.status_code
    run = _over(client, ordered)
    assert ("done", 1, 1, ["NoPe"]) == (run["state"], run["completed"], run["failed"], list(run["errors"]))
    assert run["records"] == Lake(tmp_path / "data" / "lake").bars("AAPL", "1d").collect().height > 0
    assert ["idle", "error"] == [client.get(f"/api/v1/symbols/{name}").json()["status"] for name in ("AAPL", "NoPe")]


def test_one_symbol_is_run_at_once(client):
    """One symbol is run though it is not due; one that is not in the registry is a 404."""
    client.post("/api/v1/symbols", json={"symbol": "AAPL", **KEPT})
    client.put("/api/v1/symbols/AAPL/status", json={"status": "error", "error_message": "Rate limit exceeded"})
    run = _over(client, client.post("/api/v1/symbols/AAPL/execute"))
    assert (["AAPL"], "done", 1) == (run["symbols"], run["state"], run["completed"])
    shown = client.get("/api/v1/symbols/AAPL").json()
    assert ("idle", None) == (shown["status"], shown["error_message"])
    assert 404 == client.post("/api/v1/symbols/MSFT/execute").status_code
    client.patch("/api/v1/symbols/AAPL", json={"enabled": False})
    assert (400, "AAPL is disabled") == said(client.post("/api/v1/symbols/AAPL/execute"))


def said(answer):
    return answer.status_code, answer.json()["message"]


def test_new_bars_are_seen_at_once(client):
    """A page that was answered before has the bars that came since, under another tag."""
    client.post("/api/v1/symbols", json={"symbol": "AAPL", **KEPT})
    answers = []
    for start in ("2026-03-05", "2026-03-03"):
        client.patch("/api/v1/symbols/AAPL", json={"metadata": {"start": start, "timeframes": ["1d"]}})
        _over(client, client.post("/api/v1/symbols/AAPL/execute"))
        answers.append(client.get("/api/v1/bars/AAPL", params={"timeframe": "1d", "end": "2026-03-06"}))
    assert [2, 4] == [len(answer.json()["bars"]) for answer in answers]
    assert answers[0].headers["etag"] != answers[1].headers["etag"]


def test_what_stops_a_run_is_said(serve):
    """Without keys of the vendor a run fails as a whole or symbol by symbol, with the setting that is missing."""
    with serve() as client:
        client.post("/api/v1/symbols", json={"symbol": "AAPL", **KEPT})
        run = _over(client, client.post("/api/v1/registry/execute"))
    assert "POLYGON" in f"{run['error']} {run['errors']}"


def test_gaps_are_repaired(client):
    """A repair is ordered and followed like a run: what lacked is held then, and what stays says why."""
    client.post("/api/v1/symbols", json={"symbol": "AAPL", "metadata": {"start": "2026-03-05", "timeframes": ["1m"]}})
    _over(client, client.post("/api/v1/symbols/AAPL/execute"))
    asked = {"start": "2026-03-03", "end": "2026-03-06"}
    lacking = [gap["day"] for gap in client.get("/api/v1/gaps", params={"symbol": "AAPL", **asked}).json()["gaps"]]
    assert ["2026-03-03", "2026-03-04"] == lacking
    ordered = client.post("/api/v1/gaps/repair", json={"symbols": ["AAPL"], **asked, "budget": 1})
    assert (202, "repair") == (ordered.status_code, ordered.json()["kind"])
    run = _over(client, ordered)
    assert ("done", 1, ["AAPL 2026-03-03"]) == (run["state"], run["completed"], list(run["errors"]))
    run = _over(client, client.post("/api/v1/gaps/repair", json={"symbols": ["AAPL"], **asked}))
    assert ("done", 1, 0) == (run["state"], run["completed"], run["failed"])
    assert [] == client.get("/api/v1/gaps", params={"symbol": "AAPL", **asked}).json()["gaps"]
    assert 400 == client.post("/api/v1/gaps/repair", json={"start": "2026-03-03", "end": "2026-03-01"}).status_code


def test_runs_outlive_their_service(serve, vendor):
    """Another service, and the same after a restart, tells how a run fares and carries out what waited."""
    with serve(**vendor.env) as client:
        client.post("/api/v1/symbols", json={"symbol": "AAPL", **KEPT})
        done = _over(client, client.post("/api/v1/registry/execute"))
    with serve(**vendor.env) as after:
        assert done == after.get(f"/api/v1/runs/{done['id']}").json()
        waiting = after.app.state.runs.book.order(Order(RunKind.INGEST, ("AAPL",)))
    with serve(**vendor.env) as again:
        again.app.state.runs._wake.set()
        carried_out = _over(again, again.post("/api/v1/registry/execute"))
        assert "done" == again.get(f"/api/v1/runs/{waiting.id}").json()["state"]
        first = again.get("/api/v1/runs", params={"limit": 2}).json()
        second = again.get("/api/v1/runs", params={"limit": 2, "after": first["next"]}).json()
        assert [carried_out["id"], waiting.id, done["id"]] == [run["id"] for run in first["runs"] + second["runs"]]


def test_a_run_whose_service_died_has_stopped(client):
    """A run that nobody holds on to is told as stopped, and ordering it again begins another."""
    yesterday = FakeClock(SystemClock().now() - timedelta(days=1))
    book = RunBook(client.app.state.desk.ledger.database, yesterday)
    client.app.state.runs.stop()  # else it may take the order first
    dead = book.order(Order(RunKind.INGEST, ("MSFT",)))
    assert dead.id == book.claim("a service that is gone").id
    told = client.get(f"/api/v1/runs/{dead.id}").json()
    assert ("stopped", True) == (told["state"], "order it again" in told["error"])


def test_a_run_that_is_not_known_is_a_404(client):
    """A run of another service, or of before, is not there."""
    assert 404 == client.get(f"/api/v1/runs/{'0' * 32}").status_code
    assert 422 == client.get("/api/v1/runs/1").status_code


def test_the_schedule_is_stopped_and_started(client):
    """Stop and start say whether jobs are run; a daemon that leads is shown, and what its jobs did."""
    assert (True, False, None, []) == _schedule(client.get("/api/v1/scheduler/status"))
    book = ScheduleBook(client.app.state.desk.ledger.database, SystemClock())
    now = SystemClock().now()
    book.register({"gap_detection": now})
    assert book.lead("daemon-1")
    assert (True, True, "daemon-1", ["gap_detection"]) == _schedule(client.get("/api/v1/scheduler/status"))
    assert (False, False, "daemon-1", ["gap_detection"]) == _schedule(client.post("/api/v1/scheduler/stop"))
    assert not book.look().enabled
    assert (True, True, "daemon-1", ["gap_detection"]) == _schedule(client.post("/api/v1/scheduler/start"))


def _schedule(answer):
    shown = answer.json()
    return shown["enabled"], shown["running"], shown["leader"], [job["name"] for job in shown["jobs"]]


def _over(client, ordered):
    """The run once it is over."""
    assert client.app.state.runs.idle.wait(60)
    return client.get(ordered.headers["location"]).json()
