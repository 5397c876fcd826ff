"""What the files for deployment say: their documents, and every command line of Forebay's in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
SYSTEMD = ROOT / "deploy" / "systemd"
MANUAL = (ROOT / "docs" / "deploying.md").read_text("utf-8")

COMING = (ROOT / "docs" / "coming-from.md").read_text("utf-8")


@cache
def compose() -> dict:
    """docker-compose.yml, with its anchors put in."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))


def ours() -> dict[str, dict]:
    """The services of docker-compose.yml that run Forebay's image."""
    return {name: each for name, each in compose()["services"].items() if each.get("build") == "."}


def manifests() -> Iterator[dict]:
    """Every Kubernetes object; not the kustomizations, which are instructions of kubectl's."""
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from yaml.safe_load_all(path.read_text("utf-8"))


def pod_of(manifest: dict) -> dict | None:
    """The pod that an object describes, if it does."""
    spec = manifest.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    return spec["template"]["spec"] if "template" in spec else None


def containers() -> Iterator[tuple[str, dict]]:
    """Every container of Forebay's with the name of the object that describes it."""
    for manifest in manifests():
        for each in (pod_of(manifest) or {"containers": []})["containers"]:
            if each["image"] == "forebay":
                yield manifest["metadata"]["name"], each


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Where it stands, and Forebay's arguments."""
    for name, service in ours().items():
        if "entrypoint" not in service:
            yield f"compose {name}", service["command"]
        kind, *check = service["healthcheck"].get("test", [""])
        if (kind, check[:1]) == ("CMD", ["forebay"]):
            yield f"compose {name}, health", check[1:]
    for name, container in containers():
        yield f"kubernetes {name}", container["args"]
        for probe in ("startupProbe", "livenessProbe"):
            if "exec" in container.get(probe, {}):
                yield f"kubernetes {name}, {probe}", container[probe]["exec"]["command"][1:]
    for path in sorted(SYSTEMD.glob("*.service")):
        (line,) = re.findall(r"^ExecStart=/opt/forebay/bin/forebay (.*)$", path.read_text("utf-8"), re.MULTILINE)
        yield f"systemd {path.name}", shlex.split(line)
    for line in re.findall(r"`forebay ([a-z][^`]*)`", COMING):
        yield "docs/coming-from.md", shlex.split(line)
    for line in re.findall(r"^docker compose run --rm \w+ (.*?)(?: +#.*)?$", MANUAL, re.MULTILINE):
        yield "docs/deploying.md", shlex.split(line)
