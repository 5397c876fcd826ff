"""Running the registry over HTTP, and the daemons' schedule."""

from __future__ import annotations

from datetime import date

import pytest

from forebay import Lake, Sandbox
from forebay.clock import SystemClock
from forebay.ledger.schedule import ScheduleBook

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
