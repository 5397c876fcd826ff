"""What one file for deployment names, another one has: a slip in a name is a service that never starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import papers
import pytest
import sqlalchemy as sa
import yaml

from forebay.clock import SystemClock
from forebay.ledger import Ledger
from forebay.orchestration.celery.queues import QUEUES

MANIFESTS = list(papers.manifests())
COMPOSE = papers.compose()["services"]
KUSTOMIZED = [yaml.safe_load(path.read_text("utf-8")) for path in papers.KUBERNETES.rglob("kustomization.yaml")]
PROMETHEUS = yaml.safe_load((papers.ROOT / "deploy" / "monitoring" / "prometheus.yml").read_text("utf-8"))


def named(kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in MANIFESTS if each["kind"] == kind}


def said(key: str, within: object = MANIFESTS) -> Iterator:
    """Whatever stands under a key, however deep."""
    if isinstance(within, dict):
        yield from ([within[key]] if key in within else [])
        within = list(within.values())
    if isinstance(within, list):
        for each in within:
            yield from said(key, each)


def added() -> list[dict]:
    """The variables that kustomizations add to pods."""
    patches = [yaml.safe_load(patch["patch"]) for each in KUSTOMIZED for patch in each.get("patches", [])]
    changes = [change for each in patches if isinstance(each, list) for change in each]
    return [change["value"] for change in changes if change["path"].endswith("/env/-")]


def test_secrets_are_those_that_the_manual_makes():
    """`kubectl create secret generic NAME`, and the key in it."""
    made = set(re.findall(r"^kubectl create secret generic ([\w-]+)", papers.MANUAL, re.MULTILINE))
    keys = [*said("secretKeyRef"), *said("secretKeyRef", added())]
    assert {"forebay", "forebay-postgres"} == made
    assert {"forebay"} == {each["name"] for each in said("secretRef")}
    assert {("forebay-postgres", "password")} == {(each["name"], each["key"]) for each in keys}
    assert "--from-literal=password=" in papers.MANUAL


def test_settings_and_feeds_are_those_that_kustomize_makes():
    """ConfigMaps, and the file of one that is mounted as forebay.toml."""
    made = [each for one in KUSTOMIZED for each in one.get("configMapGenerator", [])]
    files = {name for each in made for name in each.get("files", [])}
    assert {each["name"] for each in made} == {
        each["name"] for key in ("configMap", "configMapRef") for each in said(key)
    }
    assert files == {mount["subPath"] for mounts in said("volumeMounts") for mount in mounts if "subPath" in mount}


def test_what_is_kept_lies_where_the_settings_say():
    """The claim exists, and FOREBAY_HOME is where it is mounted; a program that is read only may write to /tmp."""
    assert named("PersistentVolumeClaim") == set(said("claimName"))
    settings = (papers.KUBERNETES / "base" / "settings.env").read_text("utf-8").splitlines()
    for name, container in papers.containers():
        places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert f"FOREBAY_HOME={places['app-data']}" in settings, name
        assert "/tmp" == places["tmp"], name


def test_every_service_finds_its_pods_and_is_found():
    """A Service's selector is in a pod's labels; the database's host in DATABASE_URL is a Service."""
    labels = [
        each["spec"]["template"]["metadata"]["labels"]
        for each in MANIFESTS
        if papers.pod_of(each) and "template" in each["spec"]
    ]
    for each in MANIFESTS:
        if each["kind"] == "Service":
            assert any(each["spec"]["selector"].items() <= one.items() for one in labels), each["metadata"]["name"]
    urls = {each["value"] for each in added() if each["name"] == "DATABASE_URL"}
    assert {"postgres"} == {urlsplit(url).hostname for url in urls} & named("Service")
    assert {"forebay"} == set(said("serviceAccountName")) == named("ServiceAccount")


def test_autoscalers_scale_the_workers_by_a_question_that_the_ledger_understands(tmp_path):
    """Their target exists, and KEDA's query is one of the tables as they are; it reads the variable that pods have."""
    targets = [each["name"] for each in said("scaleTargetRef")]
    assert ["forebay-worker"] * 2 == targets
    assert set(targets) <= named("Deployment")
    (trigger,) = (each["metadata"] for triggers in said("triggers") for each in triggers)
    assert trigger["connectionFromEnv"] in {each["name"] for each in added()}
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", SystemClock()) as ledger, ledger.database.read() as connection:
        asked = trigger["query"].replace("now()", "current_timestamp")
        assert 0 == connection.scalar(sa.text(asked))


def test_serve_listens_where_it_is_asked():
    """Compose: its own port, the one that is published, its health check, and Prometheus' target."""
    serve = COMPOSE["serve"]
    port = serve["command"][serve["command"].index("--port") + 1]
    assert [f"127.0.0.1:{port}:{port}"] == serve["ports"]
    assert f"http://127.0.0.1:{port}/health" in serve["healthcheck"]["test"][-1]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in PROMETHEUS["scrape_configs"]}
    assert [f"serve:{port}"] == targets["forebay"]
    token = PROMETHEUS["scrape_configs"][0]["authorization"]["credentials_file"]
    assert f"> {token} " in COMPOSE["prometheus"]["command"][0]


@pytest.mark.parametrize(
    ("variable", "host", "port"),
    [
        ("CELERY_BROKER_URL", "redis", 6379),
        ("CELERY_RESULT_BACKEND", "redis", 6379),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka", 9092),
        ("TIMESCALE_HOST", "timescaledb", None),
    ],
)
def test_servers_are_asked_by_their_names(variable, host, port):
    """Compose: an address that services of ours are told is that of a service beside them."""
    told = {each["environment"][variable] for each in papers.ours().values() if variable in each.get("environment", {})}
    (address,) = [urlsplit(one if "//" in one else f"//{one}") for one in told]
    assert (host, port) == (address.hostname, address.port)
    assert host in COMPOSE
    if host == "kafka":
        assert f"PLAINTEXT://kafka:{port}" == COMPOSE["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_every_queue_has_a_worker():
    """Compose: the workers of Celery take what Forebay sends, and nothing else."""
    commands = [each["command"] for each in papers.ours().values() if "-Q" in each["command"]]
    taken = [name for command in commands for name in command[command.index("-Q") + 1].split(",")]
    assert sorted(QUEUES) == sorted(taken)


def test_volumes_are_where_the_image_has_its_folders():
    """Compose: each volume that services of ours mount is declared, at a folder that belongs to the image's user."""
    made = set(re.findall(r"/app/\w+", (papers.ROOT / "Dockerfile").read_text("utf-8")))
    for name, each in papers.ours().items():
        mounts = dict(mount.split(":")[:2] for mount in each["volumes"])
        assert mounts.keys() <= papers.compose()["volumes"].keys(), name
        assert set(mounts.values()) <= made, name
        assert ".env" == each["env_file"], name


def test_units_are_what_the_manual_installs():
    """The user, the settings and the program, and the unit that the timer starts."""
    common = (papers.SYSTEMD / "forebay-.service.d" / "hardening.conf").read_text("utf-8")
    (user,) = re.findall(r"^User=(.*)$", common, re.MULTILINE)
    (settings,) = re.findall(r"^EnvironmentFile=(.*)$", common, re.MULTILINE)
    assert f"/var/lib/forebay {user} " in papers.MANUAL
    assert f"u {user} " in (papers.SYSTEMD / "forebay.sysusers.conf").read_text("utf-8")
    assert f".env {settings}\n" in papers.MANUAL
    assert "Unit=" not in (papers.SYSTEMD / "forebay-discover.timer").read_text(
        "utf-8"
    )  # then it is the one of its name
