"""A real PostgreSQL server for tests: private, on a Unix socket in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


def _programs() -> Path | None:
    """The folder of the newest installed server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _as_server(*command: str | Path) -> None:
    """Run a server program as somebody who is not root, as PostgreSQL insists."""
    prefix = ["runuser", "-u", _server_user(), "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")


def _server_user() -> str:
    return "postgres" if any(user.pw_name == "postgres" for user in pwd.getpwall()) else "nobody"


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a server; its socket's folder. Skips without PostgreSQL, or fails if FOREBAY_REQUIRE_SERVERS=1."""
    programs = _programs()
    if programs is None:
        why = "PostgreSQL is not installed (apt-get install postgresql)"
        if os.environ.get("FOREBAY_REQUIRE_SERVERS") == "1":
            pytest.fail(why)
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="forebay-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, _server_user())
    data = folder / "data"
    try:
        _as_server(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        settings = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=60"
        _as_server(programs / "pg_ctl", "start", "-w", "-D", data, "-l", folder / "log", "-o", settings)
        try:
            yield str(folder)
        finally:
            _as_server(programs / "pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)
    finally:
        shutil.rmtree(folder)


def create_database(server: str, name: str, template: str = "template1") -> str:
    """Make a database on the server; its address."""
    with psycopg.connect(host=server, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return f"postgresql://postgres@/{name}?host={server}"
