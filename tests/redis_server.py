"""A real Redis server for tests: private, on a free port of this machine, with nothing on disk."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from types import TracebackType
from typing import Self

import pytest
import redis


class RedisServer:
    """A server that can be stopped and started again on its port. Use it in a `with`."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server, empty, and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), retries=200)
        with redis.Redis.from_url(self.url, retry=retry) as client:
            client.ping()

    def stop(self) -> None:
        """Kill the server: all that it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def redis_server() -> RedisServer:
    """A server, not started yet. Skips without Redis, or fails if FOREBAY_REQUIRE_SERVERS=1."""
    if shutil.which("redis-server") is None:
        why = "Redis is not installed (apt-get install redis-server)"
        if os.environ.get("FOREBAY_REQUIRE_SERVERS") == "1":
            pytest.fail(why)
        pytest.skip(why)
    return RedisServer()
