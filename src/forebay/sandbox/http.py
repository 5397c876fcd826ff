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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        request = _plain(HttpRequest(scope, receive))
        answer = await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, request)
        await asyncio.sleep(answer.wait_before)
        await _send(answer, send, head=request.method == "HEAD")


def _plain(request: HttpRequest) -> Request:
    scope = request.scope
    raw_query = scope["query_string"].decode("latin-1")
    target = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    pairs = parse_qsl(raw_query, keep_blank_values=True)
    origin = f"{scope['scheme']}://{headers.get('host', '')}"
    return Request(request.method, scope["path"], target, raw_query, tuple(pairs), headers, origin)


async def _send(answer: Answer, send: Send, *, head: bool) -> None:
    """Send the answer; a cut one ends before the length it has announced, so the server closes the connection."""
    headers = {"Server": _SERVER, "Content-Length": str(len(answer.body)), **answer.headers}
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    middle = len(answer.body) // 2 if (answer.cut or answer.wait_inside) and not head else 0
    if middle:
        await send({"type": "http.response.body", "body": answer.body[:middle], "more_body": True})
    if answer.cut and not head:
        return
    await asyncio.sleep(answer.wait_inside)
    await send({"type": "http.response.body", "body": b"" if head else answer.body[middle:]})
