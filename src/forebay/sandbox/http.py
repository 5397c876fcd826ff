"""The web server's edge, the only asynchronous file of the sandbox: requests in, answers out, well or badly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from urllib.parse import parse_qsl

from starlette.requests import Request as HttpRequest
from starlette.types import Receive, Scope, Send

from forebay.model.catalogue import FLATFILES_BUCKET
from forebay.sandbox.content import Content, part_of, read, size_of
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
        asked = HttpRequest(scope, receive)
        request = _plain(asked)
        answer = await self._loop.run_in_executor(self._pool, self._answer, request)
        if await self._silence(answer.wait_before):
            await self._send(answer, asked, send)

    async def _send(self, answer: Answer, asked: HttpRequest, send: Send) -> None:
        """Send the answer; a cut one ends before the length it has announced, so the server closes the connection."""
        headers = {"Server": _SERVER, "Content-Length": str(size_of(answer.body)), **answer.headers}
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        head = asked.method == "HEAD"
        size = 0 if head else size_of(answer.body)
        middle = size // 2 if answer.cut or answer.wait_inside else 0
        if middle:
            await self._send_body(part_of(answer.body, 0, middle), asked, send)
        if await self._silence(answer.wait_inside) and (head or not answer.cut):
            await self._send_body(part_of(answer.body, middle, size - middle), asked, send)
            await send({"type": "http.response.body"})

    async def _send_body(self, content: Content, asked: HttpRequest, send: Send) -> None:
        """Send some of a body; a file is read in the pool, a chunk at a time, while somebody takes it."""
        if isinstance(content, bytes):
            await send({"type": "http.response.body", "body": content, "more_body": True})
            return
        loop, chunks = asyncio.get_running_loop(), read(content)
        try:
            while chunk := await loop.run_in_executor(self._pool, next, chunks, b""):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if await asked.is_disconnected():
                    return
        finally:
            chunks.close()

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
    host, path = headers.get("host", ""), scope["path"]
    if host.startswith(f"{FLATFILES_BUCKET}."):  # host style: the bucket is in the name of the host
        path = f"/{FLATFILES_BUCKET}{path}"
    origin = f"{scope['scheme']}://{host}"
    return Request(request.method, path, target, raw_query, tuple(pairs), headers, origin)
