"""The stream's port: a WebSocket server in a thread of its own, and a way to do things in its loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import TypeVar

from websockets.asyncio.server import serve

from forebay.errors import UsageError
from forebay.sandbox.stream.listener import Audience
from forebay.sandbox.stream.replay import Replay
from forebay.sandbox.stream.session import Sessions

_STARTS_WITHIN = _STOPS_WITHIN = 10.0
_ANSWERS_WITHIN = 30.0
_CLOSES_WITHIN = 2.0
"""Seconds in which a reader answers a close frame, before its connection is cut."""
_SEND_BUFFER = 256 * 1024
"""Of the kernel, for each connection: what it holds the server does not know of."""

T = TypeVar("T")


class Port:
    """Serves `sessions` and runs `replay`, from `start` to `stop`."""

    def __init__(self, audience: Audience, sessions: Sessions, replay: Replay) -> None:
        self._audience = audience
        self._sessions = sessions
        self._replay = replay
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._ending: asyncio.Event | None = None

    def start(self, listening: socket.socket) -> None:
        """Serve the socket's connections; returns once they are accepted."""
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        ready = Event()
        run = self._main(listening, ready)
        self._thread = Thread(target=asyncio.run, args=(run,), name="sandbox-stream", daemon=True)
        self._thread.start()
        ready.wait(_STARTS_WITHIN)

    def stop(self) -> None:
        """End every connection and the replay."""
        if self._thread is None or self._loop is None or self._ending is None:
            return
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(_STOPS_WITHIN)
        self._thread = self._loop = self._ending = None

    def act(self, action: Callable[[], T]) -> T:
        """Do something in the server's loop, and wait for it. Raises UsageError when the server does not run."""
        if self._loop is None:
            raise UsageError("the sandbox does not run", remedy="Use it inside its `with` block.")
        done: Future[T] = Future()

        def act() -> None:
            try:
                done.set_result(action())
            except Exception as problem:  # noqa: BLE001
                done.set_exception(problem)

        self._loop.call_soon_threadsafe(act)
        return done.result(_ANSWERS_WITHIN)

    async def _main(self, listening: socket.socket, ready: Event) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        quiet = logging.getLogger("forebay.sandbox.stream")
        quiet.setLevel(logging.CRITICAL)  # connections that end badly are meant
        async with serve(
            self._sessions.serve,
            sock=listening,
            process_request=self._sessions.admit,
            compression=None,
            ping_interval=None,
            close_timeout=_CLOSES_WITHIN,
            logger=quiet,
        ):
            ready.set()
            await self._until_told(self._ending)
            for listener in self._audience:
                listener.drop()

    async def _until_told(self, ending: asyncio.Event) -> None:
        """Replay. An error in it ends the server and is seen."""
        replay, told = asyncio.create_task(self._replay.run()), asyncio.create_task(ending.wait())
        await asyncio.wait({replay, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        replay.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await replay
