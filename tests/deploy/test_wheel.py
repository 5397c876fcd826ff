"""What is published: a wheel that runs without the repository, and says from what it was built."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import papers
import pytest


def build(source, target, **env: str):
    """A wheel of `source`, made without asking any index."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*pip, "--quiet", "--wheel-dir", target, source],
        env={**os.environ, **env}, timeout=100, check=True,
    )  # fmt: skip
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Forebay unpacked from its wheel, in a folder that knows nothing of the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(build(papers.ROOT, folder, FOREBAY_REVISION="1a2b3c4")) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def run(installed, folder, *args: str) -> subprocess.CompletedProcess[str]:
    """A command line of the installed program, away from the repository."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "HOME": str(folder)}
    command = [sys.executable, "-m", "forebay", *args]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100, check=False)


def test_it_says_its_version_and_its_build(installed, tmp_path):
    """The version of pyproject.toml, and the revision that was built."""
    version = next(line for line in (papers.ROOT / "pyproject.toml").read_text().splitlines() if "version = " in line)
    assert (
        f"forebay {version.split()[-1].strip(chr(34))} (build 1a2b3c4)\n"
        == run(installed, tmp_path, "--version").stdout
    )


def test_it_runs_without_the_repository(installed, tmp_path):
    """Feeds, ledger and its migrations come with the wheel; the imported program is that of the wheel."""
    done = run(installed, tmp_path, "init")
    assert 0 == done.returncode, done.stderr
    assert (tmp_path / "forebay.toml").exists()
    assert (tmp_path / "data" / "download_tracker.db").exists()
    where = subprocess.run(
        [sys.executable, "-c", "import forebay; print(forebay.__file__)"],
        env={"PYTHONPATH": str(installed)}, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert str(installed / "forebay" / "__init__.py") == where.stdout.strip()
