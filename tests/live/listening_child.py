"""What a process does that streams three stocks in a time of its own, until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from datetime import datetime
from functools import partial

NAMES = ("AAPL", "MSFT", "NVDA")


def listen(environ: Mapping[str, str], began: datetime, start: datetime, speed: int) -> int:
    """Stream into the home of `environ`; the time is `start` at `began`, and runs `speed` times as fast. Exit code."""
    from forebay.app import App
    from forebay.app.streams import open_stream
    from forebay.app.wired import new_worker_id
    from forebay.clock import SystemClock
    from forebay.model.live import Cluster, Subscription
    from forebay.orchestration.live.crew import Crew
    from forebay.settings import load

    class Fast(SystemClock):
        def now(self) -> datetime:
            return start + (super().now() - began) * speed

    app = App(load(environ=environ), Fast(), new_worker_id())
    app.recover()
    wanted = {Cluster.STOCKS: [Subscription("AM", name) for name in NAMES]}

    async def main() -> bool:
        crew = Crew(partial(open_stream, app), lambda: wanted, follow=True)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, crew.stop)
        return await crew.run()

    drained = asyncio.run(main())
    app.close()
    return 0 if drained else 3
