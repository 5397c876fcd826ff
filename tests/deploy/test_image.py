"""The image and the source distribution: what goes into them."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import papers
import pytest

DOCKERFILE = (papers.ROOT / "Dockerfile").read_text("utf-8")


def let_through(name: str) -> bool:
    """Whether .dockerignore leaves a path of the repository in the build: the last line that speaks of it decides."""
    kept = True
    for line in (papers.ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = [name, *(name[: match.start()] for match in re.finditer("/", name)), *name.split("/")[1:]]
        if line and not line.startswith("#") and any(fnmatch.fnmatch(part, pattern) for part in parts):
            kept = line.startswith("!")
    return kept


def test_what_it_copies_is_there_and_keys_never_are():
    """Every COPY names a file that .dockerignore lets through; keys, data and history stay outside."""
    copied = [
        name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    ]
    assert {"requirements/pipeline.txt", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "src"} == set(
        copied
    )
    assert all(let_through(name) and (papers.ROOT / name).exists() for name in copied)
    outside = (".env", ".git/config", "data/lake/x", "demo/.env", ".venv/bin/python", "src/forebay/__pycache__/x.pyc")
    assert [] == [name for name in outside if let_through(name)]


def test_it_installs_by_hash_and_is_not_root():
    """Libraries come by the lock alone, and the last user is a number that Kubernetes can tell from root."""
    assert "--require-hashes -r pipeline.txt" in DOCKERFILE
    assert ["10001:10001"] == re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)
    assert 2 == len(re.findall(r"^FROM \$\{BASE\}", DOCKERFILE, re.MULTILINE))


def test_a_linter_finds_nothing_wrong():
    """What hadolint knows of Dockerfiles is heeded, or its exception stands beside the line."""
    linter = Path(sys.executable).with_name("hadolint")
    found = subprocess.run(
        [linter, papers.ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (0, "") == (found.returncode, found.stdout)


@pytest.mark.parametrize("builder", ["docker", "podman", "/usr/bin/buildah", "sudo podman"])
def test_every_builder_keeps_the_health_check(builder):
    """Buildah and Podman drop HEALTHCHECK unless they are told to write Docker's format; Docker knows no other."""
    told = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "image", f"BUILDER={builder}"],
        cwd=papers.ROOT, capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert told.startswith(f"{builder} build ")
    assert ("docker" not in builder) == ("--format docker" in told)


def test_the_source_distribution_carries_the_deployment():
    """Who has the sources of a release has all of this."""
    build = tomllib.loads((papers.ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]
    wanted = {"deploy", "Dockerfile", ".dockerignore", "docker-compose.yml", ".env.example", "Makefile"}
    assert set() == wanted - set(build["sdist"]["include"])
    assert all((papers.ROOT / name).exists() for name in wanted)
