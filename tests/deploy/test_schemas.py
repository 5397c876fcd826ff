"""Every manifest against Kubernetes' own schemas, as they are written and as kustomize puts them together."""

from __future__ import annotations

import shutil
import subprocess

import kubernetes_validate
import papers
import pytest
import yaml

VERSIONS = ("1.30", "1.37")
OPTIONS = ("autoscaling-cpu", "autoscaling-queue", "buckets")
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
    (budget,) = [one for one in papers.manifests() if one["kind"] == "PodDisruptionBudget"]
    for spec in ({**budget["spec"], "maxUnavailabel": 1}, {**budget["spec"], "selector": "worker"}):
        with pytest.raises(kubernetes_validate.ValidationError):
            check([{**budget, "spec": spec}])


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
@pytest.mark.parametrize("option", [None, *OPTIONS])
def test_each_option_fits(tmp_path, option):
    """A component whose `#` is taken away leaves manifests that Kubernetes takes, and does what it is for."""
    shutil.copytree(papers.KUBERNETES, tmp_path / "kubernetes")
    chosen = tmp_path / "kubernetes" / "kustomization.yaml"
    chosen.write_text(chosen.read_text("utf-8").replace(f"# - {option} #", f"- {option} #"), "utf-8")
    built = subprocess.run(
        ["kubectl", "kustomize", chosen.parent], capture_output=True, text=True, timeout=60, check=True
    )
    manifests = list(yaml.safe_load_all(built.stdout))
    check(manifests)
    kinds = [one["kind"] for one in manifests]
    (worker,) = [one["spec"] for one in manifests if one["kind"] == "Deployment"]
    assert ("autoscaling" in (option or "")) == ("replicas" not in worker)
    assert (option == "autoscaling-cpu") == ("HorizontalPodAutoscaler" in kinds)
    assert (option == "autoscaling-queue") == ("ScaledObject" in kinds)
    assert (option == "buckets") == ("PersistentVolumeClaim" not in kinds)
