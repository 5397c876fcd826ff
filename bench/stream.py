"""Frames of the stream decoded and routed per CPU second: Forebay and the vendor's own client with an empty handler.

The frames are those that the simulated vendor sends of all trades, second and minute bars; each client takes the same
ones from memory, in child processes of its own that are started in turn: the vendor's through its own loop, parser and
models, Forebay through its queue, its decoder and a table of messages by symbol. `over_a_socket` is the same with a
server of its own in another process, where both spend most on the WebSocket library that they share.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

ROUNDS, EVENTS, TICKERS = 5, 40_000, 400
WARM = 200
"""Frames before the clock starts."""
AHEAD = 64
"""Frames that a socket has ready when it has any: it is read by 64 KiB and more."""
TARGET = 5.0
START = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
CHANNELS = "T.*,A.*,AM.*"
GREETING = '[{"ev":"status","status":"connected","message":"Connected Successfully"}]'
WELCOME = '[{"ev":"status","status":"auth_success","message":"authenticated"}]'


def run() -> dict[str, Any]:
    """Frames a CPU second of both, the median of the rounds' ratios, and the same over a socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.json"
        frames = _recorded()
        path.write_text(json.dumps(frames))
        memory = _compare(str(path), "memory", len(frames))
        with serving(__file__, "server", path, "-") as address:
            socket = _compare(str(path), address, len(frames))
    events = _events(frames)
    size = sum(map(len, frames)) // len(frames)
    return {
        "frames": len(frames),
        "events": events,
        "frame_bytes": size,
        **memory,
        "target": TARGET,
        "over_a_socket": socket,
    }


def _compare(path: str, where: str, frames: int) -> dict[str, float]:
    rounds = [(_child("forebay", path, where), _child("massive", path, where)) for _ in range(ROUNDS)]
    return {
        "forebay_frames_a_cpu_s": round(statistics.median(frames / ours for ours, _ in rounds)),
        "massive_frames_a_cpu_s": round(statistics.median(frames / theirs for _, theirs in rounds)),
        "ratio": round(statistics.median(theirs / ours for ours, theirs in rounds), 2),
    }


def _child(*arguments: str) -> float:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _recorded() -> list[str]:
    """What the simulated vendor sends, as it batches it."""
    from websockets.sync.client import connect

    from forebay.sandbox.server import MAX, Sandbox

    frames: list[str] = []
    with (
        Sandbox(tickers=TICKERS, stream_from=START, stream_speed=MAX) as vendor,
        connect(f"{vendor.stream_url}/stocks", max_size=None) as socket,
    ):
        socket.send(json.dumps({"action": "auth", "params": vendor.env["POLYGON_API_KEY"]}))
        socket.send(json.dumps({"action": "subscribe", "params": CHANNELS}))
        events = 0
        while events < EVENTS:
            frame = str(socket.recv())
            if '"status"' not in frame:
                frames.append(frame)
                events += frame.count('"ev"')
    return frames


@contextmanager
def serving(script: str, *arguments: object) -> Iterator[str]:
    """Run a script that serves frames over a real WebSocket, in a process of its own; where it does."""
    process = subprocess.Popen([sys.executable, script, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


async def welcome(socket: ServerConnection) -> None:
    """As the vendor does, until all of CHANNELS are granted."""
    await socket.send(GREETING)
    await socket.recv()
    await socket.send(WELCOME)
    granted = 0
    while granted < CHANNELS.count(",") + 1:
        names = json.loads(await socket.recv())["params"].split(",")
        await socket.send(_grants(names))
        granted += len(names)


async def _serve(frames: list[str]) -> None:
    from websockets.asyncio.server import serve

    async def talk(socket: ServerConnection) -> None:
        await welcome(socket)
        for frame in frames:
            await socket.send(frame)

    async with serve(talk, "127.0.0.1", 0, compression=None) as server:
        print(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Future()


def _grants(names: list[str]) -> str:
    return json.dumps([{"ev": "status", "status": "success", "message": f"subscribed to: {name}"} for name in names])


class _Memory:
    """A connection that has the frames already: what each client calls of its own one."""

    def __init__(self, frames: list[bytes], *, lasts: bool) -> None:
        self._frames = iter(frames)
        self._lasts = lasts
        self._said = [GREETING.encode()]
        self._granted = self._taken = 0
        self._asked = asyncio.Event()

    async def send(self, text: str, params: str = "") -> None:
        request = json.loads(text) if not params else {"action": text, "params": params}
        if request["action"] == "auth":
            self._said.append(WELCOME.encode())
        else:
            names = request["params"].split(",")
            self._granted += len(names)
            self._said.append(_grants(names).encode())
        self._asked.set()

    async def recv(self) -> bytes:
        if self._said or self._granted <= CHANNELS.count(","):
            return await self._answer()
        self._taken += 1
        if self._taken % AHEAD == 0:
            await asyncio.sleep(0)  # whoever takes what was read gets a turn, as with a socket
        for frame in self._frames:
            return frame
        return await self._end()

    receive = recv

    async def _answer(self) -> bytes:
        while not self._said:
            self._asked.clear()
            await self._asked.wait()
        return self._said.pop(0)

    async def _end(self) -> bytes:
        """The vendor's client ends with its connection; Forebay's would make another one."""
        if self._lasts:
            await asyncio.Future()
        from websockets.exceptions import ConnectionClosedOK

        raise ConnectionClosedOK(None, None)

    def note(self, _: object) -> None:
        """Nothing closes here."""

    async def close(self) -> None:
        """Nor here."""


async def _forebay(where: str, frames: list[bytes], events: int) -> None:
    from unittest.mock import patch

    from forebay.clock import SystemClock
    from forebay.model.live import Cluster, Subscription
    from forebay.vendor.stream.connection import Connection
    from forebay.vendor.stream.heard import Frame
    from forebay.vendor.stream.limits import SessionLimits
    from forebay.vendor.stream.session import Session

    async def opened(*_: object) -> _Memory:
        return _Memory(frames, lasts=True)

    wanted = [Subscription(*name.split(".")) for name in CHANNELS.split(",")]
    address = "ws://127.0.0.1:1" if where == "memory" else f"ws://{where}"
    limits = SessionLimits(lag=1e12)
    session = Session(address, "key", Cluster.STOCKS, wanted, clock=SystemClock(), random=lambda: 1.0, limits=limits)
    with patch.object(Connection, "open", opened) if where == "memory" else nullcontext():
        run = session.run()
        async for heard in run:
            if isinstance(heard, Frame):
                routed = defaultdict(list)
                for message in heard.decoded.messages:
                    routed[message.symbol].append(message)
                if session.health.messages == events:
                    break
        await run.aclose()
    if session.health.shed_frames or session.health.bad:
        raise SystemExit("not every frame was told")


async def _massive(where: str, frames: list[bytes], events: int) -> None:
    from unittest.mock import patch

    from massive import WebSocketClient

    taken = 0

    async def nothing(messages: list[object]) -> None:
        nonlocal taken
        taken += len(messages)

    async def connections(*_: object, **__: object) -> AsyncIterator[_Memory]:
        yield _Memory(frames, lasts=False)

    client = WebSocketClient("key", feed=where, market="stocks", subscriptions=CHANNELS.split(","), secure=False)
    with patch("massive.websocket.connect", connections) if where == "memory" else nullcontext():
        await client.connect(nothing)
    if taken != events:
        raise SystemExit(f"massive took {taken} of {events} events")


def _measure(name: str, path: str, where: str) -> None:
    frames = json.loads(Path(path).read_text())
    if name == "server":
        asyncio.run(_serve(frames))
        return
    client, sent = {"forebay": _forebay, "massive": _massive}[name], [frame.encode() for frame in frames]
    asyncio.run(client("memory", sent[:WARM], _events(frames[:WARM])))  # imports are not counted
    before = time.process_time()
    asyncio.run(client(where, sent, _events(frames)))
    print(time.process_time() - before)


def _events(frames: list[str]) -> int:
    return sum(frame.count('"ev"') for frame in frames)


if __name__ == "__main__":
    _measure(*sys.argv[1:]) if len(sys.argv) > 1 else print(json.dumps(run(), indent=1))
