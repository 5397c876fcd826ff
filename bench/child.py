"""What a command or a piece of Python costs, measured on a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    cpu: float
    """Seconds of processor time, user and system, of all threads."""
    wall: float
    """Seconds."""
    peak: int
    """Largest resident memory, bytes."""

    def __add__(self, then: Cost) -> Cost:
        """Of one after the other."""
        return Cost(self.cpu + then.cpu, self.wall + then.wall, max(self.peak, then.peak))


def cost_of(code: str, *arguments: str) -> Cost:
    """Run `code` in a fresh interpreter; raises RuntimeError with its standard error when it fails.

    Modules are compiled once and kept, as they are for users, whatever the environment says: to compile them anew each
    time takes longer than what is measured.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return cost_of_command([sys.executable, "-c", code, *arguments], env)


def cost_of_command(command: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Run a command, whole; raises RuntimeError with its standard error when it fails."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    if status:
        raise RuntimeError(said.decode())
    # Linux counts ru_maxrss in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss * unit)
