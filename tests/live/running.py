"""Streams that run in a thread of their own, and waits with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Event, Thread
from time import monotonic
from typing import Any

from forebay.app import App
from forebay.app.streams import open_stream
from forebay.model.live import Cluster, Subscription
from forebay.orchestration.live.crew import Crew

DAY = date(2026, 3, 5)
START = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
"""The opening bell in New York."""
PATIENCE = 60.0


def until(reached: Callable[[], object], what: str = "") -> None:
    """Return when it is so. Fails after a minute."""
    end = monotonic() + PATIENCE
    pause = Event()
    while not reached():
        assert monotonic() < end, f"waited in vain for {what or reached}"
        pause.wait(0.02)


@dataclass
class Running:
    """A crew in a thread."""

    crew: Crew
    loop: asyncio.AbstractEventLoop
    drained: bool | None = None
    error: BaseException | None = None

    def stop(self) -> None:
        """As SIGTERM does."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.crew.stop)

    @property
    def stream(self):
        """The only stream."""
        (stream,) = self.crew.streams
        return stream


@contextmanager
def running(app: App, *subscriptions: str, cluster: Cluster = Cluster.STOCKS, **more: Any) -> Iterator[Running]:
    """A stream of these subscriptions, stopped at the end; its error is in `error`; `more` is for `open_stream`."""
    wanted = {cluster: [Subscription.of(each) for each in subscriptions]}
    ready = Event()
    box: list[Running] = []

    async def main() -> None:
        crew = Crew(lambda one, what: open_stream(app, one, what, **more), lambda: wanted, follow=False)
        box.append(Running(crew, asyncio.get_running_loop()))
        ready.set()
        try:
            box[0].drained = await crew.run()
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            box[0].error = error

    thread = Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield box[0]
    finally:
        box[0].stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()
