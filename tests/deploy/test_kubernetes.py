"""deploy/kubernetes: the manifests, and what they promise."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import papers
import pytest
import yaml

from forebay.settings.settings import DECLARED

KNOWN = {name for setting in DECLARED for name in setting.names}
WORKLOADS = [each for each in papers.manifests() if papers.pod_of(each) if each["metadata"]["name"] != "postgres"]
kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


@pytest.mark.parametrize("manifest", WORKLOADS, ids=lambda each: each["metadata"]["name"])
def test_pods_are_hardened(manifest):
    """Not root, the image's own user, no privilege, a root file system that is read only, and limits."""
    pod = papers.pod_of(manifest)
    (container,) = pod["containers"]
    assert ("forebay", False, False) == tuple(
        pod[key] for key in ("serviceAccountName", "automountServiceAccountToken", "enableServiceLinks")
    )
    assert (True, 10001, 10001) == tuple(
        pod["securityContext"][key] for key in ("runAsNonRoot", "runAsUser", "fsGroup")
    )
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"limits", "requests"} == container["resources"].keys()
    assert {"name": "app-data", "mountPath": "/app/data"} in container["volumeMounts"]
    assert "USER 10001:10001" in (papers.ROOT / "Dockerfile").read_text("utf-8")


def test_discovery_runs_every_night_and_follows_publication():
    """At one in the morning UTC, and hourly while files come out in New York; one at a time."""
    crons = {each["metadata"]["name"]: each["spec"] for each in WORKLOADS if each["kind"] == "CronJob"}
    assert {
        "forebay-daily": ("0 1 * * *", "Etc/UTC"),
        "forebay-published": ("30 0-12 * * *", "America/New_York"),
    } == {name: (spec["schedule"], spec["timeZone"]) for name, spec in crons.items()}
    assert {"Forbid"} == {spec["concurrencyPolicy"] for spec in crons.values()}


def test_done_in_part_does_not_loop():
    """Exit codes 2 and 3 end a Job; a node that is drained counts no failure; errors are tried a few times."""
    jobs = [each["spec"].get("jobTemplate", each)["spec"] for each in WORKLOADS if "Job" in each["kind"]]
    assert 3 == len(jobs)
    for job in jobs:
        first, second = job["podFailurePolicy"]["rules"]
        assert ("FailJob", [2, 3]) == (first["action"], first["onExitCodes"]["values"])
        assert ("Ignore", "DisruptionTarget") == (second["action"], second["onPodConditions"][0]["type"])
        assert ("Never", 3) == (job["template"]["spec"]["restartPolicy"], job["backoffLimit"])


@pytest.mark.parametrize(
    ("name", "grace", "arguments"),
    [
        ("worker", 900, ["worker"]),
        ("serve", 60, ["serve", "--host", "0.0.0.0", "--port", "8000"]),
        ("ingest", 900, ["ingest", "--daemon"]),
        ("stream", 120, ["stream"]),
        ("consume", 120, ["consume"]),
    ],
)
def test_every_role_ends_in_order(name, grace, arguments):
    """Time for what is under way, one pod at a time, and a sign of life that no database can take away."""
    role = named("Deployment", f"forebay-{name}")["spec"]
    (container,) = role["template"]["spec"]["containers"]
    assert grace == role["template"]["spec"]["terminationGracePeriodSeconds"]
    assert arguments == container["args"]
    assert {"startupProbe", "livenessProbe"} <= container.keys()
    if name == "stream":  # an account has one connection to each cluster
        assert (1, "Recreate") == (role["replicas"], role["strategy"]["type"])
    else:
        budget = named("PodDisruptionBudget", f"forebay-{name}")["spec"]
        assert (1, role["selector"]) == (budget["maxUnavailable"], budget["selector"])


def named(kind: str, name: str) -> dict:
    """The one manifest of that kind and name."""
    (found,) = [each for each in papers.manifests() if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def test_serve_is_found_by_its_service_and_is_ready_only_with_its_database():
    """The Service's port is that of `serve`; traffic waits for /ready, a restart for /health alone."""
    (container,) = named("Deployment", "forebay-serve")["spec"]["template"]["spec"]["containers"]
    service = named("Service", "forebay")["spec"]
    assert service["selector"] == named("Deployment", "forebay-serve")["spec"]["selector"]["matchLabels"]
    assert [{"name": "http", "containerPort": 8000}] == container["ports"]
    assert ["http"] == [port["targetPort"] for port in service["ports"]]
    assert ("/ready", "/health") == tuple(
        container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("readiness", "liveness")
    )
    opened = named("NetworkPolicy", "forebay-serve")["spec"]
    assert opened["podSelector"]["matchLabels"] == service["selector"]
    assert ["http"] == [port["port"] for port in opened["ingress"][0]["ports"]]


def test_pods_are_nobody_to_the_cluster():
    """There is no token; nobody connects to a pod unless a policy says so; the cloud's keys are out of reach."""
    assert False is named("ServiceAccount", "forebay")["automountServiceAccountToken"]
    policy = named("NetworkPolicy", "forebay")["spec"]
    assert {"app.kubernetes.io/name": "forebay"} == policy["podSelector"]["matchLabels"]
    assert (["Ingress", "Egress"], False) == (policy["policyTypes"], "ingress" in policy)
    assert ["169.254.0.0/16"] == policy["egress"][1]["to"][0]["ipBlock"]["except"]
    database = named("NetworkPolicy", "postgres")["spec"]
    assert [[{"podSelector": policy["podSelector"]}]] == [rule["from"] for rule in database["ingress"]]


def test_every_name_that_pods_are_told_is_a_setting():
    """In the ConfigMap, in the containers, and in the patch that names the database."""
    login = yaml.safe_load((papers.KUBERNETES / "database-login" / "kustomization.yaml").read_text("utf-8"))
    patches = [change["value"]["name"] for each in login["patches"] for change in yaml.safe_load(each["patch"])]
    lines = (papers.KUBERNETES / "base" / "settings.env").read_text("utf-8").splitlines()
    listed = [line.partition("=")[0] for line in lines if not line.startswith("#")]
    told = [each["name"] for _, container in papers.containers() for each in container["env"]]
    assert {"FOREBAY_HOME", "LOG_FORMAT"} == set(listed)
    assert {"DATABASE_URL", "POSTGRES_PASSWORD"} == set(patches)
    assert set() == {*listed, *told, "DATABASE_URL"} - KNOWN


def test_every_file_is_used():
    """Each kustomization names files that exist, and no manifest lies beside it unnamed."""
    for path in papers.KUBERNETES.rglob("kustomization.yaml"):
        said = yaml.safe_load(path.read_text("utf-8"))
        named = {path.parent / one for key in ("resources", "components") for one in said.get(key, [])}
        assert set() == {one for one in named if not one.exists()}, path
        assert set(path.parent.glob("*.yaml")) - {path} <= named, path


@kubectl
@pytest.mark.parametrize("folder", [".", "historical"])
def test_kustomize_builds_it(folder):
    """Every pod of ours gets the image's full name, and the database with its password."""
    built = subprocess.run(
        ["kubectl", "kustomize", papers.KUBERNETES / folder], capture_output=True, text=True, timeout=60, check=True
    )
    pods = [pod for each in yaml.safe_load_all(built.stdout) if "spec" in each if (pod := papers.pod_of(each))]
    ours = [pod["containers"][0] for pod in pods if "forebay" in pod["containers"][0]["image"]]
    assert {"registry.example/forebay:latest"} == {each["image"] for each in ours}
    assert all({"POSTGRES_PASSWORD", "DATABASE_URL"} <= {one["name"] for one in each["env"]} for each in ours)


def test_the_example_of_settings_is_a_plain_list():
    """What `--from-env-file` of kubectl and Docker, systemd and Forebay read alike: NAME=VALUE, no quotes, no twins."""
    lines = (papers.ROOT / ".env.example").read_text("utf-8").splitlines()
    said = [line.removeprefix("#") for line in lines if re.match(r"#?[A-Z]", line)]
    assert len(said) > 80
    assert [] == [line for line in said if not re.fullmatch(r"[A-Z][A-Z0-9_]*=[^\s'\"#]*", line)]
    assert [] == [line for line in lines if line and not re.match(r"[A-Z]|#[A-Z]|# ", line)]
    names = [line.partition("=")[0] for line in said]
    assert len(set(names)) == len(names)


@kubectl
def test_the_example_of_settings_is_a_secret(tmp_path):
    """`--from-env-file` takes .env.example as it stands, keys filled in as they come."""
    text = (papers.ROOT / ".env.example").read_text("utf-8").replace("POLYGON_API_KEY=\n", "POLYGON_API_KEY=a b#c\n")
    (tmp_path / ".env").write_text(text)
    command = ["kubectl", "create", "secret", "generic", "forebay", "--dry-run=client", "-o", "json"]
    made = subprocess.run(
        [*command, f"--from-env-file={tmp_path / '.env'}"], capture_output=True, text=True, timeout=60, check=True
    )
    data = json.loads(made.stdout)["data"]
    assert "YSBiI2M=" == data["POLYGON_API_KEY"]
    assert set() == data.keys() - KNOWN
