"""Processes that outlive the command that started them: each with a pid file that it keeps locked, and a log.

The lock is the truth: the system drops it when the process ends, however it ends, and no other process inherits a pid.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from forebay.errors import PermanentError

_LOOK = 0.1
"""Seconds between two looks at a process that starts or ends."""
_DETACHED: list[subprocess.Popen[bytes]] = []
"""Kept, for Python warns of a child that outlives its handle; these are meant to outlive the whole command."""
_SAID = 20
"""Lines of its log that are shown when a process ends at once."""
_LARGE = 10_000_000
"""A log of so many bytes is put aside when its service starts, in place of the one put aside before."""


class NotStarted(PermanentError):
    """A service ended before it was ready, or took too long."""

    kind = "not_started"


@dataclass(frozen=True, slots=True)
class Service:
    """One process to be: its name, what to run, and the words in its log that say it is ready."""

    name: str
    command: Sequence[str]
    ready: str


class Services:
    """The detached processes of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def log(self, name: str) -> Path:
        """Where a service writes."""
        return self.folder / f"{name}.log"

    def running(self) -> dict[str, int]:
        """Name to process id of all that live, by name."""
        found = {path.stem: _holder(path) for path in sorted(self.folder.glob("*.pid"))}
        return {name: pid for name, pid in found.items() if pid is not None}

    def start(self, services: Sequence[Service], env: Mapping[str, str], deadline: float) -> list[str]:
        """Start those that do not run and wait until all are ready, `deadline` seconds at most; their names.

        Raises NotStarted with the end of its log for one that is not.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        running = self.running()
        begun = [(service, self._start(service, env)) for service in services if service.name not in running]
        until = time.monotonic() + deadline
        for service, (process, offset) in begun:
            self._await(service, process, offset, until)
        return [service.name for service, _ in begun]

    def stop(self, names: Collection[str], grace: float) -> list[str]:
        """Ask them to end what they are at and end, and after `grace` seconds kill what is left; who was killed."""
        pids = {name: pid for name, pid in self.running().items() if name in names}
        for pid in pids.values():
            _signal(pid, signal.SIGTERM)
        until = time.monotonic() + grace
        while (left := pids.keys() & self.running().keys()) and time.monotonic() < until:
            time.sleep(_LOOK)
        for name in left:
            with suppress(ProcessLookupError):
                os.killpg(pids[name], signal.SIGKILL)  # it leads a session of its own
        for name in pids.keys() - left:
            (self.folder / f"{name}.pid").unlink(missing_ok=True)
        return sorted(left)

    def _start(self, service: Service, env: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
        _put_aside(self.log(service.name))
        with self.log(service.name).open("ab") as log, (self.folder / f"{service.name}.pid").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            offset = log.tell()
            process = subprocess.Popen(  # noqa: S603 - a command of our own
                service.command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],  # it holds the lock from now on, and so do its children
                start_new_session=True,
            )
            lock.truncate(0)
            lock.write(str(process.pid))
        _DETACHED.append(process)
        return process, offset

    def _await(self, service: Service, process: subprocess.Popen[bytes], offset: int, until: float) -> None:
        while service.ready not in (said := self._said(service.name, offset)):
            if process.poll() is not None or time.monotonic() > until:
                why = "is not ready yet" if process.poll() is None else f"ended with code {process.returncode}"
                raise NotStarted(
                    f"{service.name} {why}: " + _in_short(said),
                    remedy=f"its log is {self.log(service.name)}; `forebay workers down` ends the others",
                )
            time.sleep(_LOOK)

    def _said(self, name: str, offset: int) -> str:
        with self.log(name).open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")


def _in_short(said: str) -> str:
    """The last lines of a log, of a traceback its end alone."""
    lines = [line for line in said.splitlines() if line and not line.startswith((" ", "Traceback "))]
    return "\n".join(lines[-_SAID:])


def _put_aside(log: Path) -> None:
    """Begin a new log where this one is large."""
    with suppress(FileNotFoundError):
        if log.stat().st_size >= _LARGE:
            log.replace(log.with_name(f"{log.name}.1"))


def _holder(path: Path) -> int | None:
    """The process that a pid file names, if it lives."""
    with suppress(FileNotFoundError, ValueError), path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read())
    return None


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
