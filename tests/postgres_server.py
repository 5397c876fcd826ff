"""A real PostgreSQL server for tests: private, on a Unix socket in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


def _programs() -> Path | None:
    """The folder of the newest installed server's programs, or that of FOREBAY_POSTGRES_PROGRAMS."""
    if named := os.environ.get("FOREBAY_POSTGRES_PROGRAMS"):
        return Path(named)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _has_timescaledb(programs: Path) -> bool:
    told = subprocess.run([programs / "pg_config", "--sharedir"], check=True, capture_output=True, text=True)
    return (Path(told.stdout.strip()) / "extension" / "timescaledb.control").exists()


def _as_server(*command: str | Path) -> None:
    """Run a server program as somebody who is not root, as PostgreSQL insists."""
    prefix = ["runuser", "-u", _server_user(), "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")


def _server_user() -> str:
    return "postgres" if any(user.pw_name == "postgres" for user in pwd.getpwall()) else "nobody"


class PostgresServer:
    """A server that can be stopped, killed and started again. `folder` is its socket's."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder, self._programs, self._data = folder, programs, folder / "data"
        self.has_timescaledb = _has_timescaledb(programs)
        if os.geteuid() == 0:
            shutil.chown(folder, _server_user())
        _as_server(programs / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = f"-k {self.folder} -c listen_addresses= -c fsync=off -c max_connections=60"
        if self.has_timescaledb:
            settings += " -c shared_preload_libraries=timescaledb -c timescaledb.telemetry_level=off"
        log = self.folder / "log"
        _as_server(self._programs / "pg_ctl", "start", "-w", "-D", self._data, "-l", log, "-o", settings)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `fast` ends its clients, `immediate` also leaves recovery to the next start."""
        _as_server(self._programs / "pg_ctl", "stop", "-w", "-m", mode, "-D", self._data)

    def kill(self) -> None:
        """Kill the postmaster as the kernel does when memory is short, and see its processes gone."""
        pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server, started. Skips without PostgreSQL, or fails if FOREBAY_REQUIRE_SERVERS=1."""
    programs = _programs()
    if programs is None:
        why = "PostgreSQL is not installed (apt-get install postgresql)"
        if os.environ.get("FOREBAY_REQUIRE_SERVERS") == "1":
            pytest.fail(why)
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="forebay-pg-"))
    try:
        server = PostgresServer(programs, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def postgresql() -> Iterator[str]:
    """The same; its socket's folder."""
    with postgres_server() as server:
        yield str(server.folder)


def create_database(server: str, name: str, template: str = "template1") -> str:
    """Make a database on the server; its address."""
    with psycopg.connect(host=server, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return f"postgresql://postgres@/{name}?host={server}"
