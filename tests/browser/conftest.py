"""A real service over the simulated vendor, looked at with the system's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import DESK, PATIENCE, Served, serving
from playwright.sync_api import sync_playwright
from programs import need

from forebay import Sandbox
from forebay.app import App, new_worker_id
from forebay.clock import SystemClock
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed
from forebay.orchestration.sync import carry_out
from forebay.settings import load


@pytest.fixture(scope="module")
def vendor() -> Iterator[Sandbox]:
    """The simulated vendor of the service's sync."""
    with Sandbox(start=date(2026, 2, 19), end=date(2026, 3, 11), tickers=8) as running:
        yield running


@pytest.fixture(scope="module")
def synced(vendor: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a few sessions of minute and day bars of stocks."""
    home = tmp_path_factory.mktemp("looked_at")
    app = App(load(environ={**vendor.env, "FOREBAY_HOME": str(home)}), SystemClock(), new_worker_id())
    datasets = tuple(BAR_DATASETS[f"stocks/{kind}"] for kind in ("bars_1d", "bars_1m"))
    feed = Feed(name="some", datasets=datasets, start=date(2026, 2, 19), end=date(2026, 3, 6))
    carry_out(app.outlook().look_ahead([feed]).plan, app.ledger, app.worker())
    app.ledger.feeds.remember(feed)
    app.close()
    return home


@pytest.fixture(scope="module")
def service(vendor: Sandbox, synced: Path) -> Iterator[Served]:
    """The service over that home, without a token."""
    with serving(synced, vendor.env) as running:
        yield running


@pytest.fixture(scope="module")
def chromium():
    """The system's browser. Its own sandbox wants rights that a container has not.

    Not for longer than a module: while it is there, this thread has a running event loop, and asyncio starts no other.
    """
    program = shutil.which(need("chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Opens a page for a visitor of his own; every one of them must see no error and ask no other host."""
    contexts, faults = [], []

    def opening(url: str, *, size=DESK, dark=False, javascript=True, expected=()):
        context = chromium.new_context(
            base_url=url, viewport=size, color_scheme="dark" if dark else "light", java_script_enabled=javascript
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: _told(said, expected) and faults.append(said.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda sent: _elsewhere(sent.url, url) and faults.append(f"asked {sent.url}"))
        return page

    yield opening
    for context in contexts:
        context.close()
    assert [] == faults


def _told(said, expected) -> bool:
    return said.type == "error" and not any(each in said.text for each in expected)


def _elsewhere(asked: str, url: str) -> bool:
    return urlsplit(asked).netloc != urlsplit(url).netloc and urlsplit(asked).scheme not in ("data", "blob")
