"""Answers that are given again while they are fresh: from the loop itself, without a thread, a route or a read."""

from __future__ import annotations

import re
import time
from asyncio import Future, get_running_loop, shield
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forebay.service.pages import Pages

FRESH = 1.0
"""Seconds. What other processes changed is seen after that at the latest; what was changed here, at once."""
_OFTEN = re.compile(r"/api/v1/(symbols|bars/[^/]+)")
"""What is asked often, and answered from the registry and the lake alone."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_Name = tuple[str, bytes, bytes]


class Changes:
    """Counts what this process may have changed. Safe in threads."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.last = 0

    def note(self) -> None:
        """Something may be different from now on."""
        self.last = next(self._numbers)


@dataclass(frozen=True, slots=True)
class _Answer:
    body: bytes
    headers: list[tuple[bytes, bytes]]
    tag: bytes
    route: Any
    change: int
    until: float


class Fresh:
    """ASGI middleware. Many who ask the same at once are answered by one read."""

    def __init__(self, inside: ASGIApp, changes: Changes, now: Callable[[], float] = time.monotonic) -> None:
        self._inside = inside
        self._changes = changes
        self._now = now
        self._kept: Pages[_Name, _Answer] = Pages()
        self._asked: dict[tuple[_Name, int], Future[_Answer | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it, or pass it on and keep what is answered."""
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
        elif scope["method"] not in _READS:
            await self._inside(scope, receive, self._changing(send))
        elif scope["method"] == "GET" and _OFTEN.fullmatch(scope["path"]):
            await self._read(scope, receive, send)
        else:
            await self._inside(scope, receive, send)

    def _changing(self, send: Send) -> Send:
        """Whoever has the answer to an order finds what it changed."""

        async def sending(message: Message) -> None:
            self._changes.note()
            await send(message)

        return sending

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = dict(scope["headers"])
        name, change = (scope["path"], scope["query_string"], sent.get(b"accept", b"")), self._changes.last
        found = self._kept.get(name)
        if found is None or found.change != change or found.until <= self._now():
            asked = self._asked.get((name, change))
            found = await shield(asked) if asked else None
        if found is None:
            await self._ask(name, change, scope, receive, send)
            return
        scope["route"] = found.route  # whoever counts answers looks for it
        await _again(found, sent.get(b"if-none-match", b""), send)

    async def _ask(self, name: _Name, change: int, scope: Scope, receive: Receive, send: Send) -> None:
        until, head = self._now() + FRESH, dict[str, Any]()
        waiting: Future[_Answer | None] = get_running_loop().create_future()
        leads = self._asked.setdefault((name, change), waiting) is waiting

        async def keeping(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            elif not waiting.done():
                waiting.set_result(_whole(head, message, scope, change, until))
            await send(message)

        try:
            await self._inside(scope, receive, keeping)
        finally:
            if leads:
                del self._asked[name, change]
            if not waiting.done():
                waiting.set_result(None)
        if (answer := waiting.result()) is not None:
            self._kept.put(name, answer)


def _whole(head: dict[str, Any], message: Message, scope: Scope, change: int, until: float) -> _Answer | None:
    """The answer, if it is a good one and all of it."""
    if head["status"] != HTTPStatus.OK or message.get("more_body"):
        return None
    headers = list(head["headers"])
    return _Answer(
        message.get("body", b""), headers, dict(headers).get(b"etag", b""), scope.get("route"), change, until
    )


async def _again(answer: _Answer, seen: bytes, send: Send) -> None:
    """Send an answer again; to whoever has it already, that nothing changed."""
    status, body, headers = HTTPStatus.OK, answer.body, answer.headers
    if answer.tag and answer.tag in seen:
        status, body = HTTPStatus.NOT_MODIFIED, b""
        headers = [(name, value) for name, value in headers if name in (b"etag", b"vary")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
