"""From a frame off the socket to Kafka's acknowledgement, at half of the most that goes through, minute by minute.

A server in a process of its own sends recorded frames of trades, second and minute bars over a real WebSocket, first as
fast as they are taken, then at half of that rate; `forebay stream`'s own parts take them to the lake and to a real
broker. A frame's time is from its receipt to the acknowledgement of its last event. It is measured for a minute, or for
as many seconds as BENCH_SECONDS says: 600 shows whether it grows.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import structlog

sys.path.append(str(Path(__file__).parents[1] / "tests"))

WARM, MOST = 5.0, 20.0
"""Seconds that are not counted, and in which the most is measured."""
SECONDS, MINUTE = float(os.environ.get("BENCH_SECONDS", "60")), 60.0
_LOOK = 0.001
_EVENT = '"ev"'


def run() -> dict[str, Any]:
    """Events a second at most; at half of that p50 and p99 of each minute, in milliseconds, and how they grow."""
    from bench.stream import _recorded

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames.json"
        frames.write_text(json.dumps(_recorded()))
        most = sum(events for _, _, events in _measured(frames, 0.0, MOST)) / MOST
        measured = _measured(frames, most / 2, SECONDS)
    waits = [wait for _, wait, _ in measured]
    numbers = range(math.ceil(SECONDS / MINUTE))
    minutes = [[wait for at, wait, _ in measured if at // MINUTE == number] for number in numbers]
    shown = [{"p50_ms": _part(one, 0.5), "p99_ms": _part(one, 0.99), "frames": len(one)} for one in minutes if one]
    return {
        "most_events_a_second": round(most),
        "events_a_second": round(most / 2),
        "seconds": SECONDS,
        "frames": len(waits),
        "p50_ms": _part(waits, 0.5),
        "p99_ms": _part(waits, 0.99),
        "minutes": shown,
        "last_minute_to_the_first": {name: round(shown[-1][name] / shown[0][name], 2) for name in ("p50_ms", "p99_ms")},
    }


def _measured(frames: Path, rate: float, seconds: float) -> list[tuple[float, float, int]]:
    """When each frame came, how long it took until it was acknowledged, and its events."""
    from bench.stream import serving
    from kafka_server import tansu

    from forebay.settings import load
    from forebay.sinks.kafka.sink import KafkaSink

    server = serving(__file__, frames, rate, seconds + WARM)
    with tempfile.TemporaryDirectory() as home, tansu() as broker, server as address:
        settings = {"KAFKA_BOOTSTRAP_SERVERS": broker.address, "KAFKA_TOPICS": "channel"}
        sink = KafkaSink(load(environ=settings).kafka)
        environ = {
            "FOREBAY_HOME": home,
            "FOREBAY_STREAM_URL": f"ws://{address}",
            "FOREBAY_REST_URL": "http://127.0.0.1:1",
            "POLYGON_API_KEY": "key",
        }
        watched = asyncio.run(_stream(load(environ=environ), sink, seconds + WARM))
    return [(at - WARM, wait, events) for at, wait, events in watched if WARM <= at < seconds + WARM]


async def _stream(settings: Any, sink: Any, seconds: float) -> list[tuple[float, float, int]]:
    """Seconds from the first frame to its receipt, to the acknowledgement, and its events; of each frame."""
    from bench.stream import CHANNELS

    from forebay.app import App
    from forebay.app.streams import open_stream
    from forebay.app.wired import new_worker_id
    from forebay.clock import SystemClock
    from forebay.model.live import Cluster, Subscription
    from forebay.vendor.stream.heard import Frame
    from forebay.vendor.stream.limits import Overflow, SessionLimits

    app = App(settings, SystemClock(), new_worker_id())
    wanted = [Subscription.of(name) for name in CHANNELS.split(",")]
    limits = SessionLimits(lag=1e12, overflow=Overflow.STOP)
    stream = open_stream(app, Cluster.STOCKS, wanted, also=[sink], limits=limits)
    told, came, done = stream.session.run, deque[tuple[int, float, int]](), list[tuple[float, float, int]]()

    async def noted() -> AsyncIterator[Any]:
        total = 0
        async for heard in told():
            if isinstance(heard, Frame):
                events = len(heard.decoded.messages)
                total += events
                came.append((total, heard.received.timestamp(), events))
            yield heard

    async def watch() -> None:
        first = None
        while first is None or time.time() - first < seconds or came:
            acknowledged, now = sink.sent - sink.waiting, time.time()
            while came and came[0][0] <= acknowledged:
                _, received, events = came.popleft()
                first = first or received
                done.append((received - first, now - received, events))
            await asyncio.sleep(_LOOK)
        stream.stop()

    stream.session.run = noted
    try:
        await asyncio.gather(stream.run(), watch())
    finally:
        app.close()
    return done


def _part(waits: list[float], part: float) -> float:
    return round(sorted(waits)[int(len(waits) * part)] * 1000, 1)


async def _serve(frames: list[str], rate: float, seconds: float) -> None:
    from stream import welcome
    from websockets.asyncio.server import ServerConnection, serve

    async def talk(socket: ServerConnection) -> None:
        await welcome(socket)
        began, sent, number = time.monotonic(), 0, 0
        while time.monotonic() - began < seconds:
            frame = frames[number % len(frames)]
            due = began + sent / rate if rate else 0.0
            if due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            await socket.send(frame)
            sent, number = sent + frame.count(_EVENT), number + 1
        await asyncio.Future()

    async with serve(talk, "127.0.0.1", 0, compression=None) as server:
        print(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(Path(sys.argv[1]).read_text()), float(sys.argv[2]), float(sys.argv[3])))
