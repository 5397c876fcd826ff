"""Traces, as a collector gets them: a real server of OpenTelemetry's protocol, and programs of ours that send to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.testclient import TestClient

from forebay import Sandbox
from forebay.errors import StoreError
from forebay.service.factory import create_app
from forebay.settings import load
from forebay.settings.tracing import traces_wanted
from forebay.telemetry.redact import Redactor
from forebay.telemetry.tracing import carried, configure_traces, span

PATIENCE = 60.0
ASKED = ("--datasets", "stocks/bars_1d", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-04")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FAILED = 2
"""The status of a span, by the protocol."""


@dataclass
class Collector:
    """What came, and where it is listened for."""

    url: str = ""
    spans: list = field(default_factory=list)
    services: set = field(default_factory=set)
    came: Condition = field(default_factory=Condition)

    def take(self, body: bytes) -> None:
        message = ExportTraceServiceRequest.FromString(body)
        with self.came:
            for each in message.resource_spans:
                self.services |= {
                    one.value.string_value for one in each.resource.attributes if one.key == "service.name"
                }
                self.spans += [span for scope in each.scope_spans for span in scope.spans]
            self.came.notify_all()

    def named(self, name: str) -> list:
        """Every span of this name, once there is one."""
        with self.came:
            assert self.came.wait_for(lambda: any(span.name == name for span in self.spans), PATIENCE), name
            return [span for span in self.spans if span.name == name]


@contextmanager
def _listening() -> Iterator[Collector]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            assert "/v1/traces" == self.path
            found.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def collector():
    with _listening() as found:
        yield found


@pytest.fixture(scope="module")
def vendor():
    with Sandbox(start=date(2026, 3, 2), end=date(2026, 3, 11), tickers=4) as running:
        yield running


@pytest.fixture
def env(vendor, tmp_path):
    known = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {**known, **vendor.env, "FOREBAY_HOME": str(tmp_path / "data"), "LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"}


def _run(folder, env, *args):
    command = [sys.executable, "-m", "forebay", *args]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=110, check=False)


def _values(span) -> dict[str, object]:
    kinds = {"string_value": str, "int_value": int, "bool_value": bool}
    return {
        one.key: kinds[kind](getattr(one.value, kind))
        for one in span.attributes
        if (kind := one.value.WhichOneof("value"))
    }


def test_a_sync_is_a_trace_for_each_task(collector, env, tmp_path):
    """The task, in it the vendor's calls and the lake's commit; a line of the log leads to its span, no key to it."""
    done = _run(tmp_path, {**env, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}, "sync", *ASKED)
    assert 0 == done.returncode, done.stderr
    [task] = collector.named("task")
    assert ("fetch", "lake", "stocks/bars_1d", "done") == tuple(
        _values(task)[f"forebay.task.{name}"] for name in ("kind", "destination", "table", "outcome")
    )
    inside = [
        span for span in collector.spans if span.trace_id == task.trace_id and span.parent_span_id == task.span_id
    ]
    assert {"vendor call", "lake commit"} == {span.name for span in inside}
    call = next(span for span in inside if span.name == "vendor call")
    assert 200 == _values(call)["http.response.status_code"]
    assert str(_values(call)["url.path"]).startswith("/v2/aggs/ticker/AAPL/")
    commit = next(span for span in inside if span.name == "lake commit")
    assert ("stocks/bars_1d", 1) == (_values(commit)["forebay.table"], _values(commit)["forebay.added"])
    assert {"forebay"} == collector.services

    said = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    ids = {line["trace_id"] for line in said if "trace_id" in line}
    assert {span.trace_id.hex() for span in collector.spans} >= ids > set()
    secrets = [env["POLYGON_API_KEY"], env["POLYGON_S3_SECRET_ACCESS_KEY"]]
    assert not any(secret in str(span) for secret in secrets for span in collector.spans)


@pytest.fixture
def traced(collector, monkeypatch):
    """Traces of this process."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "ours")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    end = configure_traces(Redactor(["a-secret-word"]))
    yield collector
    end()


def test_what_fails_is_a_span_that_failed(traced):
    """With its reason, but for secrets; what is around it failed, too, and what comes after it did not."""
    with pytest.raises(StoreError), span("outer"), span("inner"):
        raise StoreError("it said a-secret-word")
    with span("after") as noted:
        noted.note({"answer": 42}, name="afterwards")
    [inner], [outer], [after] = (traced.named(name) for name in ("inner", "outer", "afterwards"))
    assert [(FAILED, "StoreError: it said ***")] * 2 == [
        (one.status.code, one.status.message) for one in (inner, outer)
    ]
    assert "a-secret-word" not in f"{inner}{outer}"
    assert (outer.span_id, 0, {"answer": 42}) == (inner.parent_span_id, after.status.code, _values(after))
    assert {"ours"} == traced.services


def test_a_span_is_carried_into_another_thread(traced):
    """What a thread does for a task is part of the task's trace."""

    def work():
        with span("inside"):
            return "done"

    with ThreadPoolExecutor(1) as pool, span("around"):
        assert "done" == pool.submit(carried(work)).result()
        pool.submit(work).result()
    [around] = traced.named("around")
    assert {around.span_id, b""} == {one.parent_span_id for one in traced.named("inside")}


def test_a_request_goes_on_with_the_trace_of_whom_it_answers(traced, tmp_path):
    """By its header `traceparent`, under the name of its endpoint."""
    app = create_app(load(environ={"FOREBAY_HOME": str(tmp_path)}))
    with TestClient(app, "http://127.0.0.1:8000", client=("127.0.0.1", 40000)) as client:
        client.get("/api/v1/tasks/7", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        client.get("/nothing/there")
    [answer] = traced.named("GET /api/v1/tasks/{task_id}")
    assert (TRACE, PARENT) == (answer.trace_id.hex(), answer.parent_span_id.hex())
    assert 404 == _values(answer)["http.response.status_code"]
    assert traced.named("GET unknown")


def test_a_collector_that_is_away_costs_a_line(monkeypatch, caplog):
    """Nothing is raised, at the end neither."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    end = configure_traces()
    with span("nobody hears of it"):
        pass
    end()
    assert any("opentelemetry" in record.name for record in caplog.records)


def test_nothing_is_loaded_where_no_trace_is_wanted(env, tmp_path):
    """Without the variables no module of OpenTelemetry is imported, and no line has ids."""
    code = "import sys; from forebay.cli.main import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, "sync", *ASKED],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    loaded = done.stderr.splitlines()[-1].split()
    assert "forebay.telemetry.tracing" in loaded
    assert [] == [name for name in loaded if name.startswith("opentelemetry")]
    assert "trace_id" not in done.stderr


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
    ],
)
def test_the_standard_variables_say_whether_traces_are_wanted(environ, wanted):
    """As OpenTelemetry's own specification has them."""
    assert wanted is traces_wanted(environ)
