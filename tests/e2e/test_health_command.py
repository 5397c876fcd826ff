"""`forebay health`: what a container without HTTP is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager


@contextmanager
def running(home, *args: str, until: str):
    """A command that stays, from the line of its log that says it is ready; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "forebay", *args], cwd=home.folder, env=home.env, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert any(until in line for line in process.stderr)
            yield process
        finally:
            process.kill()


def test_a_worker_that_goes_round_lives_and_a_killed_one_is_missed(shell, home):
    """Exit code 0 while it idles; what a kill left behind grows old and is told; the next worker clears it up."""
    with running(home, "worker", until="worker_started"):
        assert ["worker"] == list(json.loads(shell("health", "--json").out))
        assert 0 == shell.said[-1].code
    (left,) = (home.folder / "data" / "services").glob("*.worker.pulse")
    os.utime(left, (time.time() - 120, time.time() - 120))
    shell.refuses("health", code=1, says="silent: worker for 120 s", next_step="start it again")
    assert 0 == shell("health", "--within", "600").code

    assert 0 == shell("worker", "--once").code
    shell.refuses("health", code=1, says="nothing that runs for long", next_step="forebay worker")


def test_a_daemon_lives(shell, home):
    """The same for `ingest --daemon`."""
    with running(home, "ingest", "--daemon", until="started"):
        assert "ingest: alive, " in shell("health").out


def test_a_stream_lives(shell, home):
    """The same for `stream`, whatever it hears."""
    with running(home, "stream", "--tickers", "AAPL", until="stream"):
        assert "stream: alive, " in shell("health").out
