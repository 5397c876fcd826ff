"""Every manifest against Kubernetes' own schemas, as they are written and as kustomize puts them together."""

from __future__ import annotations

import shutil
import subprocess

import kubernetes_validate
import papers
import pytest
import yaml

VERSIONS = ("1.30", "1.37")
ROLES = ("serve", "ingest", "stream", "consume")
OPTIONS = ("autoscaling-cpu", "autoscaling-queue", "buckets", *ROLES)
kubectl = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
FOREIGN = {"ScaledObject"}
"""Kinds of other projects, which Kubernetes has no schema for."""


def check(manifests) -> None:
    """Raise ValidationError for an object that has a wrong or unknown field, in the oldest and the newest version."""
    for manifest in manifests:
        for version in VERSIONS:
            if manifest["kind"] not in FOREIGN:
                kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize(
    "manifest", list(papers.manifests()), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_each_is_what_kubernetes_takes(manifest):
    """Right kinds, right fields, right types; none that is unknown."""
    check([manifest])


def test_a_slip_is_found():
    """A field that Kubernetes does not know, and one of the wrong type, are refused: the check can fail."""
    budget = next(one for one in papers.manifests() if one["kind"] == "PodDisruptionBudget")
    for spec in ({**budget["spec"], "maxUnavailabel": 1}, {**budget["spec"], "selector": "worker"}):
        with pytest.raises(kubernetes_validate.ValidationError):
            check([{**budget, "spec": spec}])


def put_together(tmp_path, *options: str | None) -> list[dict]:
    """What `kubectl apply -k` would send with these options, checked."""
    shutil.copytree(papers.KUBERNETES, tmp_path / "kubernetes")
    chosen = tmp_path / "kubernetes" / "kustomization.yaml"
    text = chosen.read_text("utf-8")
    for option in options:
        text = text.replace(f"# - {option} #", f"- {option} #")
    chosen.write_text(text, "utf-8")
    built = subprocess.run(
        ["kubectl", "kustomize", chosen.parent], capture_output=True, text=True, timeout=60, check=True
    )
    manifests = list(yaml.safe_load_all(built.stdout))
    check(manifests)
    return manifests


@kubectl
@pytest.mark.parametrize("option", [None, *OPTIONS])
def test_each_option_fits(tmp_path, option):
    """A component whose `#` is taken away leaves manifests that Kubernetes takes, and does what it is for."""
    manifests = put_together(tmp_path, option)
    kinds = [one["kind"] for one in manifests]
    deployments = {
        one["metadata"]["name"].removeprefix("forebay-"): one["spec"]
        for one in manifests
        if one["kind"] == "Deployment"
    }
    assert {"worker", option} & {"worker", *ROLES} == deployments.keys()
    worker = deployments["worker"]
    assert ("autoscaling" in (option or "")) == ("replicas" not in worker)
    assert (option == "autoscaling-cpu") == ("HorizontalPodAutoscaler" in kinds)
    assert (option == "autoscaling-queue") == ("ScaledObject" in kinds)
    assert (option == "buckets") == ("PersistentVolumeClaim" not in kinds)


@kubectl
def test_every_role_has_its_database_and_its_folder(tmp_path):
    """All roles at once, in buckets: each pod of ours gets the login of the ledger, and a folder that is its own."""
    pods = [papers.pod_of(one) for one in put_together(tmp_path, *ROLES, "buckets") if "spec" in one]
    ours = [pod for pod in pods if pod and "forebay" in pod["containers"][0]["image"]]
    assert 7 == len(ours)
    for pod in ours:
        (container,) = pod["containers"]
        assert {"POSTGRES_PASSWORD", "DATABASE_URL"} <= {each["name"] for each in container["env"]}
        assert {"name": "app-data", "emptyDir": {}} in pod["volumes"]
        assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
