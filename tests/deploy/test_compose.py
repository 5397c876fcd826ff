"""docker-compose.yml: set-ups under the names that their users know."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import papers
import pytest
import yaml

from forebay.settings.settings import DECLARED

STAY = {"worker", "worker-discovery", "worker-download", "flower", "serve", "ingest", "stream", "consume"}


@pytest.mark.parametrize(
    ("profile", "services"),
    [
        ("archive", {"discoverer", "worker"}),
        ("pipeline", {"app", "redis", "worker-discovery", "worker-download", "flower"}),
        ("service", {"timescaledb", "kafka", "serve", "ingest", "stream", "consume"}),
        ("monitoring", {"prometheus", "grafana"}),
    ],
)
def test_each_set_up_is_a_profile(profile, services):
    """A profile starts what belongs together, and whatever it waits for is started with it."""
    found = {name: each for name, each in papers.compose()["services"].items() if profile in each["profiles"]}
    assert services == found.keys()
    assert set() == {needed for each in found.values() for needed in each.get("depends_on", {})} - services


def test_every_service_of_ours_keeps_its_data_and_ends_in_order():
    """The volume app_data at /app/data, no privilege, and a sign of life and a grace where it stays."""
    for name, each in papers.ours().items():
        assert "app_data:/app/data" in each["volumes"], name
        assert ["ALL"] == each["cap_drop"], name
        if name in STAY:
            assert "test" in each["healthcheck"], name
            assert each["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, name
    assert STAY == {name for name, each in papers.ours().items() if each["restart"] == "unless-stopped"}
    drained = ("worker", "worker-discovery", "worker-download", "ingest")
    assert {"15m"} == {papers.ours()[name]["stop_grace_period"] for name in drained}


def test_every_server_beside_it_is_pinned_watched_and_limited():
    """No `latest`; what depends on a server waits until it answers."""
    others = {name: each for name, each in papers.compose()["services"].items() if name not in papers.ours()}
    assert {"redis", "timescaledb", "kafka", "prometheus", "grafana"} == others.keys()
    for name, each in others.items():
        assert re.search(r":v?\d+\.\d+[\w.-]*$", each["image"]), name
        assert "test" in each["healthcheck"], name
        assert each["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, name


def test_kafka_needs_no_zookeeper():
    """One node is broker and controller."""
    kafka = papers.compose()["services"]["kafka"]["environment"]
    assert "broker,controller" == kafka["KAFKA_PROCESS_ROLES"]
    assert not any("ZOOKEEPER" in name for name in kafka)


def test_every_name_that_it_sets_is_a_setting():
    """What services of ours are told is read by Forebay."""
    known = {name for setting in DECLARED for name in setting.names}
    told = {name for each in papers.ours().values() for name in each.get("environment", {})}
    assert set() == told - known
    assert {"CELERY_BROKER_URL", "KAFKA_BOOTSTRAP_SERVERS", "TIMESCALE_HOST"} <= told


def test_the_manual_runs_services_that_exist():
    """`docker compose run --rm NAME` names a service of ours."""
    named = set(re.findall(r"^docker compose run --rm (\w+) ", papers.MANUAL, re.MULTILINE))
    assert {"discoverer", "worker", "app", "ingest"} == named
    assert named <= papers.ours().keys()


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_compose_itself_takes_every_profile(tmp_path):
    """`docker-compose config` with .env.example as it stands: every service, ours with their settings."""
    shutil.copy(papers.ROOT / "docker-compose.yml", tmp_path)
    shutil.copytree(papers.ROOT / "deploy", tmp_path / "deploy")
    shutil.copy(papers.ROOT / ".env.example", tmp_path / ".env")
    services = papers.compose()["services"]
    profiles = sorted({name for each in services.values() for name in each["profiles"]})
    env = {"PATH": os.environ["PATH"], "COMPOSE_PROFILES": ",".join(profiles)}
    read = subprocess.run(
        ["docker-compose", "config"], cwd=tmp_path, env=env,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert 0 == read.returncode, read.stderr
    found = yaml.safe_load(read.stdout)["services"]
    assert services.keys() == found.keys()
    assert all("POLYGON_API_KEY" in found[name]["environment"] for name in papers.ours())
