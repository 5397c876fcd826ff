"""deploy/systemd: the units, as systemd itself reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import papers
import pytest

UNITS = [path.name for path in sorted(papers.SYSTEMD.glob("*.service"))]
systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


@pytest.fixture
def units(tmp_path):
    """The units in a folder of their own, with a program that is there."""
    folder = tmp_path / "units"
    shutil.copytree(papers.SYSTEMD, folder)
    for path in folder.glob("*.service"):
        path.write_text(path.read_text("utf-8").replace("/opt/forebay/bin/forebay", sys.executable))
    return folder


def test_there_is_a_unit_for_all_that_stays():
    """Worker by number, daemon, service, stream and consumer; and a timer for what does not stay."""
    names = ("consume", "discover", "ingest", "serve", "stream", "worker@")
    assert [f"forebay-{name}.service" for name in names] == UNITS
    timer = (papers.SYSTEMD / "forebay-discover.timer").read_text("utf-8")
    assert ["*-*-* 01:00:00 UTC", "*-*-* 00..12:30:00 America/New_York"] == re.findall(r"OnCalendar=(.*)", timer)


@pytest.mark.parametrize("unit", [name for name in UNITS if "discover" not in name])
def test_a_stop_is_waited_for_and_wrong_use_is_not_repeated(unit):
    """Tasks under way have 15 minutes; exit code 2 is not started again, 3 is no failure."""
    text = (papers.SYSTEMD / unit).read_text("utf-8")
    drains = unit in ("forebay-worker@.service", "forebay-ingest.service")
    assert drains == ("TimeoutStopSec=15min" in text)
    assert "RestartPreventExitStatus=2\nSuccessExitStatus=3\n" in text


@pytest.mark.parametrize("unit", [name for name in UNITS if "discover" not in name and "serve" not in name])
def test_one_that_hangs_is_started_anew(unit):
    """Each process has a watchdog of its own, which its loop feeds; a long start is no hang."""
    text = (papers.SYSTEMD / unit).read_text("utf-8")
    assert "Type=notify\nNotifyAccess=main\n" in text
    assert "WatchdogSec=5min\nTimeoutStartSec=20min\nRestart=on-failure\n" in text


@systemd
def test_systemd_takes_every_unit_and_the_timer(units):
    """`systemd-analyze verify` has nothing to say."""
    names = [units / name.replace("@.", "@1.") for name in UNITS]
    (units / "forebay-worker@1.service").symlink_to(units / "forebay-worker@.service")
    done = subprocess.run(
        ["systemd-analyze", "verify", *names, units / "forebay-discover.timer"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "forebay" in line]
    assert (0, []) == (done.returncode, said)


@systemd
@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_is_shut_in(units, unit):
    """Systemd's own score of how much a unit may do is 1.5 of 10 at most."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=15", units / unit],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout.splitlines()[-1:]
