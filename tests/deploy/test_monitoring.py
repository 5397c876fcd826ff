"""What Prometheus and Grafana are told: figures that a running service has, and rules that are raised in time."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import httpx2
import papers
import polars as pl
import pytest
import yaml
from kafka_server import free_port
from programs import need

from forebay import Sandbox
from forebay.app import App, new_worker_id
from forebay.app.daemon import open_scheduler
from forebay.app.ingest import open_ingest
from forebay.clock import SystemClock
from forebay.ledger.consumers import Consumers
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.schedule import ScheduleBook
from forebay.ledger.streams import Streams
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.consuming import ConsumerHealth, TopicFigures
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import Feed
from forebay.model.intervals import Interval
from forebay.model.live import Cause, Cluster, Interruption, StreamHealth, StreamState, Subscription
from forebay.model.partition import Partition, Source
from forebay.model.registry import IngestionStrategy, SymbolRegistry
from forebay.settings import load

MONITORING = papers.ROOT / "deploy" / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana" / "dashboards" / "forebay.json").read_text("utf-8"))
RULES = yaml.safe_load((MONITORING / "rules.yml").read_text("utf-8"))
MANUAL = (papers.ROOT / "docs" / "monitoring.md").read_text("utf-8")
COMPOSE_TOKEN = "/tmp/forebay_token"
"""Where docker-compose.yml has Prometheus find it."""
WRONG = {"ForebayDatasetStale", "ForebayJobFailed", "ForebayInterruptionsOwed"}
"""Rules that the service's home makes true."""
PASSING = re.compile("forebay_(stream|consumer)_|forebay_symbol_failures")
"""Figures of processes, which are told for as long as they live, and of symbols that fail."""
BEGAN = datetime(2026, 3, 5, 15, 30, tzinfo=UTC)


def _panels() -> list[str]:
    texts = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    return [text.replace("$__rate_interval", "5m") for text in texts]


def _expressions() -> list[str]:
    return _panels() + [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
    ],
    ids=lambda arguments: arguments[0] + " " + arguments[1],
)
def test_promtool_finds_nothing_wrong(arguments):
    """Rules and configuration are valid, and each rule is raised by what it is for and not before."""
    found = subprocess.run(
        [need("promtool"), *arguments], cwd=MONITORING, capture_output=True, text=True, timeout=100, check=False
    )
    assert 0 == found.returncode, found.stdout + found.stderr


def test_prometheus_understands_every_panel(tmp_path):
    """Each expression of the dashboard is one, as promtool reads them."""
    panels = _panels()
    records = [{"record": f"panel_{number}", "expr": text} for number, text in enumerate(panels)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    command = [need("promtool"), "check", "rules", "panels.yml"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert (0, True) == (found.returncode, f"{len(panels)} rules found" in found.stdout), found.stdout + found.stderr


def test_every_rule_is_tested_and_says_what_to_do():
    """An alert without a next step leaves a person alone at night."""
    rules = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
    tested = {each["name"] for each in yaml.safe_load((MONITORING / "rules_test.yml").read_text("utf-8"))["tests"]}
    assert rules.keys() == tested
    for name, rule in rules.items():
        assert {"summary", "next"} == rule["annotations"].keys(), name
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), name


def test_the_dashboard_shows_what_it_says():
    """Each panel has a title of its own, a place of its own and its figures from the source that is provisioned."""
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert len(panels) == len({panel["title"] for panel in panels})
    cells = [
        (column, line)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24
    provisioned = MONITORING / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
    [source] = yaml.safe_load(provisioned.read_text("utf-8"))["datasources"]
    assert source["uid"] == DASHBOARD["templating"]["list"][0]["current"]["value"]
    assert {"${source}"} == {panel["datasource"]["uid"] for panel in panels}


def test_what_compose_mounts_is_there():
    """Every file and folder of ours that a server of the profile reads, where its own settings look for it."""
    mounts = [
        mount.split(":")
        for name in ("prometheus", "grafana")
        for mount in papers.compose()["services"][name]["volumes"]
        if mount.startswith("./")
    ]
    assert 4 == len(mounts)
    assert all((papers.ROOT / source).exists() and "ro" == mode for source, _, mode in mounts)
    provider = yaml.safe_load((MONITORING / "grafana/provisioning/dashboards/forebay.yml").read_text("utf-8"))
    assert provider["providers"][0]["options"]["path"] in {place for _, place, _ in mounts}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A running service over a home that has something of everything."""
    home = tmp_path_factory.mktemp("watched")
    with Sandbox(start=date(2026, 2, 19), end=date(2026, 3, 11), tickers=6) as vendor:
        env = {**vendor.env, "FOREBAY_HOME": str(home / "data")}
        with _app(env) as app:
            _fill(app)
        with _served(home, env) as url:
            yield url


@pytest.fixture(scope="module")
def scrape(service):
    """What it tells."""
    return _told(service)


@pytest.fixture
def prometheus(service, scrape, tmp_path):
    """Prometheus with our configuration and rules, in a hurry; it watches the service, and itself."""
    port = free_port()
    places = {"serve:8000": service.removeprefix("http://"), "localhost:9090": f"127.0.0.1:{port}"}
    settings = (MONITORING / "prometheus.yml").read_text("utf-8")
    for told, here in {**places, COMPOSE_TOKEN: str(tmp_path / "token")}.items():
        assert told in settings
        settings = settings.replace(told, here)
    (tmp_path / "prometheus.yml").write_text(re.sub(r"\b\d+s$", "1s", settings, flags=re.MULTILINE))
    (tmp_path / "token").write_text("read")
    (tmp_path / "rules.yml").write_text(re.sub(r"\n +for: .*", "", (MONITORING / "rules.yml").read_text("utf-8")))
    command = [need("prometheus"), f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    with subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL) as running:
        try:
            yield f"http://127.0.0.1:{port}/api/v1"
        finally:
            running.kill()


def _told(url: str) -> str:
    """A scrape that every part came in time for: the first one waits for libraries to be loaded."""
    end = time.monotonic() + 60
    while True:
        text = httpx2.get(f"{url}/metrics", timeout=60).raise_for_status().text
        if "forebay_http_seconds_count" in text and text.count("\nforebay_figures_up{") == len(
            re.findall(r"^forebay_figures_up{.*} 1\.0$", text, re.MULTILINE)
        ):
            return text
        assert time.monotonic() < end, text


@contextmanager
def _app(env):
    app = App(load(environ=env), SystemClock(), new_worker_id())
    try:
        yield app
    finally:
        app.close()


def _fill(app: App) -> None:
    """Bars, a symbol that was run and one that failed, a stream that is owed something, gaps, quarantine, jobs."""
    days = LAKE_DATASETS["stocks/bars_1d"]
    app.ledger.feeds.remember(Feed("some", (days,), start=date(2026, 3, 2), end=date(2026, 3, 6)))
    kept = {"start": "2026-03-05", "timeframes": ["1d"]}
    app.registry.add(SymbolRegistry("AAPL", IngestionStrategy.FLATPACK_SNAPSHOT_STREAM, metadata=kept))
    app.registry.add(SymbolRegistry("NOPE", IngestionStrategy.SNAPSHOT))
    ingest = open_ingest(app)
    assert 2 == len(list(ingest.run()))
    _keep_live(app)
    lacking = Partition("stocks/bars_1m", "AAPL", Interval(date(2026, 3, 2), date(2026, 3, 2)))
    for source in (Source.LAKE, Source.FLATFILE):
        row = Coverage(lacking, "lake", source, Verdict.MISSING_UPSTREAM, Evidence(), app.clock.now())
        app.ledger.coverage.record([row])
    app.quarantine.keep(lacking, key="x", reason="odd", now=app.clock.now(), rows=pl.DataFrame({"ticker": ["AAPL"]}))
    open_scheduler(app, ingest).register()
    book = ScheduleBook(app.ledger.database, app.clock)
    assert book.lead(app.worker_id)
    book.begin("stream_monitoring", app.clock.now() + timedelta(1), app.clock.now(), app.worker_id)
    book.end("stream_monitoring", "it failed")


def _keep_live(app: App) -> None:
    streams = Streams(app.ledger.database, app.clock)
    streams.take(Cluster.STOCKS, app.worker_id)
    minutes = (Subscription("AM", "*"),)
    counts = {"messages": 7, "lake_waiting": 1}
    health = StreamHealth(Cluster.STOCKS, app.worker_id, StreamState.STREAMING, minutes, lag=1.0, counts=counts)
    streams.note(StreamHealth(**{name: getattr(health, name) for name in health.__slots__} | {"last_message": BEGAN}))
    topic = TopicFigures(messages=7, dead_letters=1, batches=1, lag=3, last_stored=BEGAN)
    counts = {"messages": 7, "dead_letters": 1}
    consumer = ConsumerHealth("worker-2", "bars", lag=3, last_stored=BEGAN, counts=counts, topics={"bars": topic})
    Consumers(app.ledger.database, app.clock).note(consumer)
    interruptions = Interruptions(app.ledger.database, app.clock)
    interruptions.begin(Interruption(Cluster.STOCKS, minutes, BEGAN, BEGAN, Cause.CLOSED))


@contextmanager
def _served(folder, env):
    command = [sys.executable, "-m", "forebay", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running.stderr.readline().split()[4]
        finally:
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=60)


def test_every_figure_named_is_told_by_a_running_service(scrape):
    """Each one of the dashboard and the rules has a value in a scrape."""
    told = {re.split(r"[{ ]", line)[0] for line in scrape.splitlines() if not line.startswith("#")}
    named = {name for text in _expressions() for name in re.findall(r"\bforebay_\w+", text)}
    assert 30 < len(named)
    assert set() == named - told


def test_the_manual_names_every_figure(scrape):
    """Its table has each one that has a value, and none that is not there."""
    families = set(re.findall(r"^# TYPE (forebay_\w+) ", scrape, re.MULTILINE))
    values = set(re.findall(r"^(forebay_\w+?)(?:_bucket|_sum)?[{ ]", scrape, re.MULTILINE))
    tables = "".join(line for line in MANUAL.splitlines() if line.startswith("|"))
    named = set(re.findall(r"`(?:rate\()?(forebay_\w+)", tables))
    assert set() == named - families
    assert set() == {name for name in families & values if not name.endswith("_created")} - named


def test_every_label_named_is_told_with_its_figure(scrape):
    """A selector that names a label that no figure has would never match anything."""
    labels: dict[str, set[str]] = {}
    for name, inside in re.findall(r"^(forebay_\w+)\{(.*)\} ", scrape, re.MULTILINE):
        labels.setdefault(name, set()).update(re.findall(r'(\w+)="', inside))
    for text in _expressions():
        for name, inside in re.findall(r"(forebay_\w+)\{(.*?)\}", text):
            assert set(re.findall(r'(\w+)(?:=~|!=|=)"', inside)) <= labels[name], text


def test_prometheus_reads_it_all(prometheus):
    """Its targets are up, it can evaluate every rule and panel, raises what is wrong, and has figures to show."""
    end = time.monotonic() + 60
    while missing := _missing(prometheus):
        assert time.monotonic() < end, missing
        time.sleep(0.2)


def _missing(api: str) -> list[object]:
    """What it does not have yet."""
    with httpx2.Client(timeout=60) as client:

        def ask(what: str, **asked: str) -> dict:
            return client.get(f"{api}/{what}", params=asked).raise_for_status().json()["data"]

        try:
            targets = [one for one in ask("targets")["activeTargets"] if one["health"] != "up"]
            rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
            empty = [text for text in _panels() if not ask("query", query=text)["result"]]
        except httpx2.HTTPError as error:  # it does not listen yet, or is not ready
            return [error]
    panels = [text for text in empty if not PASSING.search(text)]
    raised = {rule["name"] for rule in rules if rule["state"] == "firing"}
    return [*targets, *panels, *(rule for rule in rules if rule["health"] != "ok"), *(WRONG - raised)]
