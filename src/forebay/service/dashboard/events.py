"""Live pages: one look at the database a second for all who listen, and a word to them when something changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from forebay.errors import ForebayError
from forebay.service.desk import TOPICS
from forebay.service.faults import Refusal

MOST = 100
"""Listeners at once; those beyond are told so, and see the page as it was made."""
LOOK = 1.0
"""Seconds between two looks at the database, while anybody listens."""
HEARTBEAT = 15.0
"""Seconds after which a silent stream says that it lives: proxies end those that do not."""
LASTS = 60.0
"""Seconds of one stream. The browser comes again by itself, and shows its cookie anew."""

routes = APIRouter()


@dataclass(eq=False)
class _Listener:
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    topics: set[str] = field(default_factory=set)


class Events:
    """Who listens, and what changed. Lives in one event loop."""

    def __init__(self, look: Callable[[], Mapping[str, int]]) -> None:
        """`look` has a mark for each topic, which differs when it changed; it is called in a thread."""
        self._look = look
        self._process = uuid4().hex[:8]
        self._changes = 0
        self._marks: dict[str, int] = {}
        self._listeners: set[_Listener] = set()
        self._poller: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        """Set once the database was looked at for those who listen now: what changes from then on is told."""
        self._ending = False

    @property
    def full(self) -> bool:
        """Whether nobody else may listen."""
        return len(self._listeners) >= MOST

    def stop(self) -> None:
        """End every stream: the server is going down."""
        self._ending = True
        for listener in self._listeners:
            listener.woken.set()

    async def listen(self, seen: str | None) -> AsyncIterator[str]:
        """The stream of one listener; `seen` is the last id that it got of an earlier one."""
        listener = _Listener(topics=set() if seen in (None, self._id) else set(TOPICS))
        self._listeners.add(listener)
        if self._poller is None:
            self._looked = asyncio.Event()
            self._poller = asyncio.create_task(self._poll())
        try:
            await self._looked.wait()
            yield f"retry: 1000\nid: {self._id}\n\n"
            async for said in self._said_to(listener):
                yield said
        finally:
            self._listeners.discard(listener)

    async def _said_to(self, listener: _Listener) -> AsyncIterator[str]:
        now = asyncio.get_running_loop().time
        until = now() + LASTS
        while not self._ending and now() < until:
            listener.woken.clear()  # before its topics are taken: those that come while they are sent wake it again
            if listener.topics:
                topics, listener.topics = sorted(listener.topics), set()
                yield f"event: changed\nid: {self._id}\ndata: {json.dumps(topics)}\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(listener.woken.wait(), HEARTBEAT)
            if not listener.topics:
                yield ": still here\n\n"

    @property
    def _id(self) -> str:
        return f"{self._process}-{self._changes}"

    async def _poll(self) -> None:
        """Look until nobody listens any more."""
        try:
            while self._listeners and not self._ending:
                with suppress(ForebayError):  # the database is away: the pages say so themselves
                    self._tell(await run_in_threadpool(self._look))
                self._looked.set()
                await asyncio.sleep(LOOK)
        finally:
            self._poller = None
            self._looked.set()

    def _tell(self, marks: Mapping[str, int]) -> None:
        changed = {topic for topic, mark in marks.items() if self._marks.get(topic, mark) != mark}
        self._marks = dict(marks)
        self._changes += bool(changed)
        for listener in self._listeners if changed else ():
            listener.topics |= changed
            listener.woken.set()


@routes.get("/events")
async def events(request: Request) -> StreamingResponse:
    """Server-sent events: `changed` with the topics, whenever what pages show may be different."""
    found: Events = request.app.state.events
    if found.full:
        raise Refusal(
            HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST} pages listen already", "load the page again to see it as it is now"
        )
    stream = found.listen(request.headers.get("last-event-id"))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
