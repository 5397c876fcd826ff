"""The processes that Celery needs, as command lines: workers, Flower and a Redis of one's own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from forebay.errors import BrokerUnavailable
from forebay.orchestration.celery.broker import Broker
from forebay.orchestration.celery.queues import DEFAULT, DISCOVERY, DOWNLOAD, QUEUES
from forebay.orchestration.services import Service

_CELERY = (sys.executable, "-m", "celery", "-A", "forebay.celery_app")
_LOCAL = ("127.0.0.1", "localhost")


def worker_services(count: int) -> list[Service]:
    """One worker for discovery, the others for downloads and the rest; a single one for everything."""
    if count == 1:
        return [_worker("worker", *QUEUES)]
    downloads = [_worker(f"download{number}", DOWNLOAD, DEFAULT) for number in range(1, count)]
    return [_worker("discovery", DISCOVERY), *downloads]


def _worker(name: str, *queues: str) -> Service:
    """Gossip and mingling are left out: workers have nothing to tell each other that the ledger does not."""
    options = ("-Q", ",".join(queues), "-n", f"{name}@%h", "--without-gossip", "--without-mingle", "-l", "INFO")
    return Service(name, (*_CELERY, "worker", *options), ready=" ready.")


def flower_service(port: int) -> Service:
    """Flower, for this machine only: it asks for no password."""
    return Service("flower", (*_CELERY, "flower", "--address=127.0.0.1", f"--port={port}"), ready="Visit me at")


def redis_service(url: str, folder: Path) -> Service | None:
    """A Redis to start at `url`; None when one answers there.

    Raises BrokerUnavailable when none answers and none can be started: elsewhere, with a password, not installed.
    """
    try:
        Broker(url).ping()
    except BrokerUnavailable:
        where = urlsplit(url)
        ours = where.hostname in _LOCAL and where.scheme == "redis" and not where.password
        if not ours or not shutil.which("redis-server"):
            raise
    else:
        return None
    options = ("--port", str(where.port or 6379), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "")
    return Service("redis", ("redis-server", *options, "--appendonly", "no"), ready="Ready to accept connections")


def depths(url: str) -> dict[str, int]:
    """How many hints each queue holds. Raises BrokerUnavailable."""
    broker = Broker(url)
    return {queue: broker.depth(queue) for queue in QUEUES}
