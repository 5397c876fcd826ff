"""The web server's edge, the only asynchronous file of the sandbox: requests in, answers out, well or badly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from urllib.parse import parse_qsl

from starlette.requests import Request as HttpRequest
from starlette.types import Receive, Scope, Send

from forebay.sandbox.wire import Answer, Request

_SERVER = "forebay-sandbox"


class App:
    """An ASGI application that asks `answer` in `pool` for every request."""

    def __init__(self, answer: Callable[[Request], Answer], pool: Executor) -> None:
        self._answer = answer
        self._pool = pool
        self._closing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def close(self) -> None:
        """End every silence that a fault rule made; their connections close. May be called from another thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._closing.set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        self._loop = asyncio.get_running_loop()
        request = _plain(HttpRequest(scope, receive))
        answer = await self._loop.run_in_executor(self._pool, self._answer, request)
        if await self._silence(answer.wait_before):
            await self._send(answer, send, head=request.method == "HEAD")

    async def _send(self, answer: Answer, send: Send, *, head: bool) -> None:
        """Send the answer; a cut one ends before the length it has announced, so the server closes the connection."""
        headers = {"Server": _SERVER, "Content-Length": str(len(answer.body)), **answer.headers}
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        middle = len(answer.body) // 2 if (answer.cut or answer.wait_inside) and not head else 0
        if middle:
            await send({"type": "http.response.body", "body": answer.body[:middle], "more_body": True})
        if await self._silence(answer.wait_inside) and (head or not answer.cut):
            await send({"type": "http.response.body", "body": b"" if head else answer.body[middle:]})

    async def _silence(self, seconds: float) -> bool:
        """Wait; false when the server closes before the time is over."""
        if seconds <= 0:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return True
        return False


def _plain(request: HttpRequest) -> Request:
    scope = request.scope
    raw_query = scope["query_string"].decode("latin-1")
    target = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    pairs = parse_qsl(raw_query, keep_blank_values=True)
    origin = f"{scope['scheme']}://{headers.get('host', '')}"
    return Request(request.method, scope["path"], target, raw_query, tuple(pairs), headers, origin)
