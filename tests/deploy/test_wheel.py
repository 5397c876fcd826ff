"""What is published: a wheel that runs without the repository, and says from what it was built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution, packages_distributions

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


@pytest.fixture(scope="module")
def bare(installed):
    """What to set so that the wheel is as installed without extras: whatever only they bring cannot be imported."""
    folder = installed.parent / "bare"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_ABSENT.format(names=sorted(extra_modules(installed))))
    return {"PYTHONPATH": f"{folder}{os.pathsep}{installed}"}


_ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def extra_modules(installed) -> set[str]:
    """The modules of the libraries that the wheel names for extras alone."""
    (metadata,) = installed.glob("*.dist-info")
    needs = [re.match(r"([\w.-]+).*?(; extra)?", line) for line in PathDistribution(metadata).requires]
    named = {plain(each[1]): "; extra" in each.string for each in needs}
    assert {"celery", "fastapi", "psycopg"} <= {name for name, extra in named.items() if extra}
    modules = packages_distributions().items()
    return {module for module, dists in modules if any(named.get(plain(dist), False) for dist in dists)}


def plain(name: str) -> str:
    """A distribution's name in the one spelling that compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run(installed, folder, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command line of the installed program, away from the repository."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "HOME": str(folder), **more}
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


KAFKA, REDIS = "KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"
NEEDS = [
    ("serve", {}, "service"),
    ("ingest --daemon", {}, "service"),
    ("consume --once", {KAFKA: "127.0.0.1:1", "TIMESCALE_HOST": "127.0.0.1"}, "timescale"),
    ("gaps scan --in timescale --tickers AAPL", {}, "timescale"),
    ("status", {"DATABASE_URL": "postgresql://forebay@127.0.0.1/forebay"}, "distributed"),
    ("stream --tickers AAPL --for 1", {"POLYGON_API_KEY": "x", REDIS: "redis://127.0.0.1:1"}, "live"),
    ("workers status", {REDIS: "redis://127.0.0.1:1"}, "distributed"),
    ("alerts", {"ALERT_URLS": "json://127.0.0.1:1"}, "notify"),
    ("archive-bars cat bars.csv.lzo", {}, "lzo"),
]


@pytest.mark.parametrize(("line", "settings", "extra"), NEEDS, ids=[line for line, _, _ in NEEDS])
def test_what_needs_an_extra_names_it(installed, bare, tmp_path, line, settings, extra):
    """One sentence says what is missing, the next how to install it; nothing looks like a fault."""
    done = run(installed, tmp_path, *line.split(), **bare, **settings)
    assert 2 == done.returncode, done.stderr
    assert "is not installed" in done.stderr
    assert f"pip install 'forebay[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "fault in Forebay" not in done.stderr


def test_an_asgi_server_hears_it_too(installed, bare, tmp_path):
    """Uvicorn comes without the service's extra: it ends with the sentence, not with a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "uvicorn", "forebay.service.api:app"],
        env={"PATH": os.environ["PATH"], **bare}, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert 1 == done.returncode
    assert "error: the service needs fastapi\nnext: pip install 'forebay[service]'\n" == done.stderr


def test_the_main_job_needs_no_extra(installed, bare, tmp_path):
    """The sandbox publishes, `sync` fetches and proves what it holds, by the core's libraries alone."""
    days = "--start 2026-03-02 --end 2026-03-03"
    job = f"{sys.executable} -m forebay sync --datasets stocks/bars_1d --no-actions {days}"
    synced = run(installed, tmp_path, "sandbox", "--port", "0", "--tickers", "2", *days.split(), "--run", job, **bare)
    assert 0 == synced.returncode, synced.stderr
    assert "2 of 2 session dates held and checked" in synced.stdout
