"""The service over PostgreSQL: what it promises of SQLite, and a server that is away for a while."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import date

import psycopg
import pytest
from postgres_server import create_database, postgresql
from starlette.testclient import TestClient

from forebay import Sandbox
from forebay.service.factory import create_app
from forebay.settings import load

HERE = "http://127.0.0.1:8000"
KEPT = {"metadata": {"start": "2026-03-05", "timeframes": ["1m", "1d"]}}
NAMES = ["AAP", "AAPL", "AAp", "NA"]


@pytest.fixture(scope="module")
def server():
    with postgresql() as folder:
        yield folder


@pytest.fixture(scope="module")
def services(server, tmp_path_factory):
    """Two services over one database, one lake and one vendor."""
    home = tmp_path_factory.mktemp("shared")
    with Sandbox(start=date(2026, 3, 2), end=date(2026, 3, 11), tickers=8) as vendor, ExitStack() as stack:
        url = create_database(server, "served")
        settings = load(environ={**vendor.env, "FOREBAY_HOME": str(home), "DATABASE_URL": url})
        peer = {"client": ("127.0.0.1", 40000), "raise_server_exceptions": False}
        yield [stack.enter_context(TestClient(create_app(settings), HERE, **peer)) for _ in range(2)]


def test_the_registry_is_one_for_all_services(services):
    """What one service adds, changes and deletes the other has at once; lists are in byte order, page by page."""
    one, other = services
    added = one.post("/api/v1/symbols/bulk", json={"symbols": [{"symbol": name, **KEPT} for name in reversed(NAMES)]})
    assert {"added": 4, "known": 0} == added.json()
    assert 409 == other.post("/api/v1/symbols", json={"symbol": "NA"}).status_code
    assert NAMES[:2] == [row["symbol"] for row in one.get("/api/v1/symbols?limit=2").json()["symbols"]]
    assert NAMES[2:] == [row["symbol"] for row in other.get("/api/v1/symbols?limit=2&after=AAPL").json()["symbols"]]
    changed = other.patch("/api/v1/symbols/NA", json={"strategy": "snapshot", "enabled": False, "description": "none"})
    assert ("snapshot", "disabled", "none") == tuple(
        one.get("/api/v1/symbols/NA").json()[name] for name in ("strategy", "status", "description")
    )
    assert changed.json() == one.get("/api/v1/symbols/NA").json()
    assert [204, 404] == [each.delete("/api/v1/symbols/NA").status_code for each in services]


def test_a_run_is_followed_at_any_service(services):
    """A run that one service is ordered is carried out once, and told alike by both; tasks and metrics come with it."""
    one, other = services
    ordered = one.post("/api/v1/symbols/AAPL/execute")
    assert one.app.state.runs.idle.wait(60)
    told = [each.get(ordered.headers["location"]).json() for each in services]
    assert told[0] == told[1]
    assert ("done", 1, 0) == tuple(told[0][name] for name in ("state", "completed", "failed"))
    tasks = other.get("/api/v1/tasks?limit=1").json()
    rest = other.get("/api/v1/tasks", params={"after": tasks["next"]}).json()
    assert sum(tasks["counts"].values()) == len(tasks["tasks"] + rest["tasks"])
    held = other.get("/api/v1/coverage?limit=1").json()
    assert other.get("/api/v1/coverage", params={"after": held["next"]}).json()["coverage"]
    assert 2 == len(other.get("/api/v1/bars/AAPL?timeframe=1d&end=2026-03-06").json()["bars"])
    text = other.get("/metrics").text
    assert "forebay_ledger_up 1.0" in text
    assert 'forebay_symbol_last_timestamp_seconds{phase="backfill",symbol="AAPL"}' in text


def test_a_database_may_be_away_for_a_while(services, server):
    """Without its database the service lives, is not ready and says when to come again; with it, it is as before."""
    service = services[0]
    with _away(server):
        refused = service.get("/api/v1/symbols/AAPL")
        assert (503, "5") == (refused.status_code, refused.headers["retry-after"])
        assert "DATABASE_URL" in refused.json()["remedy"]
        assert 503 == service.post("/api/v1/registry/execute").status_code
        assert 200 == service.get("/health").status_code
        ready = service.get("/ready")
        assert (503, "ok") == (ready.status_code, ready.json()["checks"]["lake"])
        assert "forebay_ledger_up 0.0" in service.get("/metrics").text
    assert [200, 200] == [service.get(path).status_code for path in ("/ready", "/api/v1/symbols/AAPL")]
    ordered = service.post("/api/v1/symbols/AAPL/execute")
    assert service.app.state.runs.idle.wait(60)
    assert "done" == service.get(ordered.headers["location"]).json()["state"]


def test_sql_is_no_word_of_a_question(services):
    """SQL and what PostgreSQL cannot store are refused, or name nothing, in every parameter."""
    service = services[0]
    for word in ("x'or'1'='1", "';drop--", "a\0b", "%", "\\", "é"):
        for path in ("symbols", "tasks", "coverage", "gaps", "plan", "bars/AAPL", "snapshots/AAPL", "runs"):
            for name in ("symbol", "table", "after", "state", "destination", "asset_class", "as_of", "timeframe"):
                answer = service.get(f"/api/v1/{path}", params={name: word})
                assert answer.status_code in (200, 400, 404, 422), (path, name, word, answer.text)
    body = {"symbol": "ZZ", "description": "a\0b", "metadata": {"a\0": 1}}
    assert [400, 422] == [service.post("/api/v1/symbols", json={**body, **more}).status_code for more in ({}, {"x": 1})]
    put = service.put("/api/v1/symbols/AAPL/status", json={"status": "error", "error_message": "a\0b'; drop"})
    assert (200, "ab'; drop") == (put.status_code, put.json()["error_message"])


@contextmanager
def _away(server):
    """No connection to the services' database, until the end of the block."""
    with psycopg.connect(host=server, user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute("ALTER DATABASE served ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'served'")
        try:
            yield
        finally:
            admin.execute("ALTER DATABASE served ALLOW_CONNECTIONS true")
