"""A service to look at, and what is asked of every page."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from axe_playwright_python.sync_playwright import Axe

from forebay.service.factory import create_app
from forebay.settings import load

ARTEFACTS = Path(__file__).parents[2] / "artefacts"
PATIENCE = 60_000
"""Milliseconds for which a page is waited for, on however busy a machine."""
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}


@dataclass(frozen=True)
class Served:
    """A service on a port of this machine."""

    url: str
    home: Path
    env: dict[str, str]


@contextmanager
def serving(home: Path, env: dict[str, str]) -> Iterator[Served]:
    """The service over `home`, in a thread, until the block ends."""
    settings = load(environ={**env, "FOREBAY_HOME": str(home)})
    with socket.create_server(("127.0.0.1", 0)) as port:
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([port],))
        thread.start()
        try:
            yield Served(f"http://127.0.0.1:{port.getsockname()[1]}", home, env)
        finally:
            server.should_exit = True
            thread.join(60)


def axe(page) -> list[str]:
    """Serious faults of a page for people who cannot see it, or have no mouse."""
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {node['html']}" for each in serious for node in each["nodes"]]


def fits(page) -> bool:
    """Whether a page is no wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def keep(page, name: str) -> None:
    """Save what is seen as artefacts/<name>.png, for people to look at."""
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)
