"""Whether the service lives, can be of use, and keeps its inside to itself."""

from __future__ import annotations

import logging

import pytest
import structlog
from starlette.testclient import TestClient
from uvicorn.importer import import_from_string

from forebay.service import api


def test_a_service_is_ready_when_its_databases_are(client):
    """A new home is no reason not to be ready."""
    assert {"status": "ok"} == client.get("/health").json()
    assert {"status": "ready", "checks": {"ledger": "ok", "lake": "ok"}} == client.get("/ready").json()


def test_a_service_without_its_database_lives_and_is_not_ready(serve, tmp_path):
    """While the database is away the process lives, is not ready, and answers questions with 503 and when to come."""
    (tmp_path / "taken").write_text("no folder")
    with serve(DATABASE_URL=f"sqlite:///{tmp_path}/taken/ledger.db") as client:
        assert 200 == client.get("/health").status_code
        ready = client.get("/ready")
        assert (503, "ledger") == (ready.status_code, ready.json()["checks"]["ledger"])
        refused = client.get("/api/v1/symbols")
        assert (503, "5") == (refused.status_code, refused.headers["retry-after"])


def test_a_lake_that_is_no_folder_is_not_ready(serve, tmp_path):
    """A lake that cannot be reached is named."""
    (tmp_path / "file").write_text("no folder")
    with serve(LAKE_URI=str(tmp_path / "file")) as client:
        assert {"ledger": "ok", "lake": "store"} == client.get("/ready").json()["checks"]


def test_a_fault_of_ours_shows_nothing_of_its_inside(client):
    """An error that nobody thought of is a 500 in the shape of all others, without a trace or its words."""

    @client.app.get("/broken")
    def broken() -> None:
        raise RuntimeError("inside of the service")

    answer = client.get("/broken")
    assert (500, "internal") == (answer.status_code, answer.json()["kind"])
    assert "inside" not in answer.text
    assert "Traceback" not in answer.text


def test_secrets_stay_out_of_errors(serve, tmp_path):
    """An error that names a secret shows a mask in its place."""
    with serve(LAKE_URI=str(tmp_path / "hunter2222"), FOREBAY_API_TOKEN="hunter2222") as client:
        answer = client.get("/api/v1/bars/AAPL", headers={"Authorization": "Bearer hunter2222"})
    assert 404 == answer.status_code
    assert "hunter2222" not in answer.text
    assert "***" in answer.text


@pytest.fixture
def fresh():
    """An import that makes the service anew; what it sets up of logs is undone."""
    api._served.cache_clear()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in [each for each in root.handlers if each not in before]:
        root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def test_an_asgi_server_finds_the_service(tmp_path, monkeypatch, fresh):
    """`uvicorn forebay.service.api:app` serves what the environment says, and refuses other machines likewise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOREBAY_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("FOREBAY_API_TOKEN", raising=False)
    app = import_from_string("forebay.service.api:app")
    for peer, status in (("127.0.0.1", 200), ("203.0.113.7", 403)):
        with TestClient(app, "http://127.0.0.1:8000", client=(peer, 40000)) as client:
            assert status == client.get("/api/v1/symbols").status_code


def test_an_asgi_server_is_told_of_a_wrong_setting(tmp_path, monkeypatch, fresh):
    """A setting that is wrong ends an ASGI server with one line and the next step, without a traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(SystemExit) as ended:
        import_from_string("forebay.service.api:app")
    assert "LOG_LEVEL=LOUD" in str(ended.value)
