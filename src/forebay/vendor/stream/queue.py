"""Between the socket and who listens: frames as they came, bounded in bytes, and between them what happened."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from typing import Any

from msgspec import Struct

from forebay.vendor.stream.heard import Health
from forebay.vendor.stream.limits import Overflow

_OVERHEAD = 256
"""Bytes that a frame takes in memory beside its own."""


class Taken(Struct, frozen=True, gc=False):
    """A frame off the socket."""

    data: bytes
    received: datetime


class FrameQueue:
    """One reader of the socket puts in, one listener takes out, both on one event loop.

    Only frames count towards the bound. What happened between them is small, and comes no faster than connections do.
    """

    def __init__(self, bound: int, overflow: Overflow, health: Health) -> None:
        self._bound = bound
        self._overflow = overflow
        self._health = health
        self._items: deque[Any] = deque()
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self.paused = False
        """Whether the reader waits for room."""

    @property
    def easy(self) -> bool:
        """Whether half of the room is free."""
        return 2 * self._health.queued_bytes <= self._bound

    @property
    def waits(self) -> bool:
        """Whether the reader waits for room, rather than let frames go."""
        return self._overflow is Overflow.STOP

    def offer(self, frame: Taken) -> bool:
        """Take a frame in; False when there is no room."""
        health, weight = self._health, len(frame.data) + _OVERHEAD
        if health.queued_bytes + weight > self._bound:
            return False
        health.queued_frames += 1
        health.queued_bytes += weight
        self.tell(frame)
        return True

    async def put(self, frame: Taken) -> None:
        """Take a frame in as soon as there is room."""
        self.paused = True
        self._health.pauses += 1
        while not self.offer(frame):
            self._roomy.clear()
            await self._roomy.wait()
        self.paused = False

    def tell(self, item: object) -> None:
        """Add what happened, after the frames that came before it."""
        self._items.append(item)
        self._filled.set()

    async def take(self) -> Any:
        """The oldest item; waits for one."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        return self.pop()

    def pop(self) -> Any:
        """The oldest item. Raises IndexError when there is none."""
        item = self._items.popleft()
        if type(item) is Taken:
            self._health.queued_frames -= 1
            self._health.queued_bytes -= len(item.data) + _OVERHEAD
            if self.paused:
                self._roomy.set()
        return item

    def __len__(self) -> int:
        return len(self._items)
