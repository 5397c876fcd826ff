"""`forebay` as a process of its own, without the second or two that an interpreter needs to load it.

It is forked from a process that has loaded the libraries and begun nothing: it has its own pid, environment, folder,
pipes, signals and exit code. What is about starting the program itself must start the program itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.reduction import DupFd
from pathlib import Path
from types import ModuleType
from typing import Any, Self
from unittest.mock import patch

from forebay import failpoints

HOST = get_context("forkserver")
"""Makes children that cost a fork."""
_LOADED = """
    pytest alembic.command boto3 deltalake duckdb exchange_calendars h11 httpcore2 httpx2 isal obstore polars psycopg
    pyarrow sqlalchemy.dialects.postgresql.psycopg sqlalchemy.dialects.sqlite truststore
    forebay.app.gaps forebay.app.quality forebay.cli.main forebay.lake.reading.sql forebay.orchestration.sync
    forebay.stores.s3 forebay.tasks.load
"""
"""Imported, and given no work: Polars, DuckDB and delta-rs start the threads that do it then, in the child."""
HOST.set_forkserver_preload(_LOADED.split())


class Forked:
    """A running piece of work, with as much of `subprocess.Popen` as tests use; both streams are pipes of text."""

    def __init__(self, work: Callable[..., Any], *arguments: Any, cwd: Path, env: Mapping[str, str]) -> None:
        self.args = arguments
        out, err = os.pipe(), os.pipe()
        self.stdout, self.stderr = os.fdopen(out[0], encoding="utf-8"), os.fdopen(err[0], encoding="utf-8")
        with patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):  # else every child would load pytest
            self._process = HOST.Process(target=_Child(work, arguments, cwd, dict(env), out[1], err[1]))
            self._process.start()
        os.close(out[1])
        os.close(err[1])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As Popen's: None while it runs, negative for a signal."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises TimeoutExpired."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it says until its end, on either stream. Raises TimeoutExpired."""
        with ThreadPoolExecutor(2) as readers:
            said = [readers.submit(stream.read) for stream in (self.stdout, self.stderr)]
            try:
                out, err = (each.result(timeout) for each in said)
            except TimeoutError as error:
                self.kill()
                raise subprocess.TimeoutExpired(self.args, timeout) from error
        self.wait(timeout)
        self.close()
        return out, err

    def send_signal(self, number: int) -> None:
        """Signal it, unless it is over."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Listen no more."""
        self.stdout.close()
        self.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.wait()


class _Child:
    """What the child does; its pipes come along."""

    def __init__(
        self, work: Callable[..., Any], arguments: Sequence[Any], cwd: Path, env: dict[str, str], out: int, err: int
    ) -> None:
        self._work, self._arguments, self._cwd, self._env = work, arguments, cwd, env
        self._streams = out, err

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_streams": tuple(DupFd(each) for each in self._streams)}

    def __call__(self) -> None:
        for number, stream in enumerate(self._streams, start=1):
            given = stream.detach()
            os.dup2(given, number)
            os.close(given)
        sys.stdout, sys.stderr = (os.fdopen(each, "w", encoding="utf-8", buffering=1) for each in (1, 2))
        os.environ.clear()
        os.environ.update(self._env)
        os.chdir(self._cwd)
        failpoints._armed, _, failpoints._turn = self._env.get("FOREBAY_FAILPOINT", "").partition(":")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.exit(self._work(*self._arguments))


def forebay(*args: str, cwd: Path, env: Mapping[str, str]) -> Forked:
    """Start `forebay` with these arguments."""
    return Forked(_type, *args, cwd=cwd, env=env)


def run(*args: str, cwd: Path, env: Mapping[str, str], timeout: float = 100) -> subprocess.CompletedProcess[str]:
    """One command line, to its end."""
    started = forebay(*args, cwd=cwd, env=env)
    said = started.communicate(timeout)
    return subprocess.CompletedProcess(args, started.returncode, *said)


def ending(work: Callable[..., Any], *arguments: Any, **env: str) -> int:
    """Do a piece of work here, in a process of its own, with `env` set for it; its exit code, 0 for None."""
    return endings(work, [arguments], **env)[0]


def endings(work: Callable[..., Any], all_arguments: Sequence[Sequence[Any]], **env: str) -> list[int]:
    """The same by several processes at once, one for each set of arguments."""
    each = [Forked(work, *arguments, cwd=Path.cwd(), env={**os.environ, **env}) for arguments in all_arguments]
    for one in each:
        sys.stderr.write(one.communicate(100)[1])
    return [one.returncode for one in each]


def _type(*args: str) -> int:
    from forebay.cli.main import main

    sys.argv[1:] = args
    return main(args)
