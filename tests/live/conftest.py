"""A vendor whose market is replayed, and applications that live in its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from running import START

from forebay.app import App
from forebay.app.wired import new_worker_id
from forebay.clock import Clock, SystemClock
from forebay.sandbox.server import MAX, Sandbox
from forebay.settings import load


class MarketTime:
    """The time of a replay, for who also has to wait: the replay may stand still meanwhile."""

    def __init__(self, replay: Clock) -> None:
        self._replay = replay
        self._real = SystemClock()

    def now(self) -> datetime:
        return self._replay.now()

    def elapsed(self) -> float:
        return self._real.elapsed()

    def sleep(self, seconds: float) -> None:
        self._real.sleep(min(seconds, 0.05))


@pytest.fixture
def replay() -> Iterator[Sandbox]:
    """Twelve stocks from the opening bell on; it stands still until it is told how far to go."""
    with Sandbox(tickers=12, stream_from=START, stream_speed=MAX) as running:
        running.stream.pause()
        yield running


@pytest.fixture
def open_at(tmp_path: Path, replay: Sandbox) -> Iterator[Callable[..., App]]:
    """Opens an application on one home, in the replay's time; more settings by keyword."""
    opened: list[App] = []

    def make(**more: str) -> App:
        environ = {**replay.env, "FOREBAY_HOME": str(tmp_path / "home")}
        environ |= {"POLYGON_RATE_LIMIT": "0", "STREAM_LAKE_SECONDS": "0.2", **more}
        app = App(load(environ=environ), MarketTime(replay.stream.clock), new_worker_id())
        opened.append(app)
        return app

    yield make
    for app in opened:
        app.close()
