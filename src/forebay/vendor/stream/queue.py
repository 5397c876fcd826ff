"""Between the socket and who listens: frames as they came, bounded in bytes, and between them what happened."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from forebay.vendor.stream.heard import Health
from forebay.vendor.stream.limits import Overflow

_OVERHEAD = 256
"""Bytes that a frame takes in memory beside its own."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame off the socket."""

    data: bytes
    received: datetime

    @property
    def weight(self) -> int:
        """Bytes it takes while it waits."""
        return len(self.data) + _OVERHEAD


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
        """Whether the reader waits for room, or waited for it when its connection ended."""

    def fits(self, frame: Taken) -> bool:
        """Whether there is room for it."""
        return self._health.queued_bytes + frame.weight <= self._bound

    @property
    def easy(self) -> bool:
        """Whether half of the room is free."""
        return 2 * self._health.queued_bytes <= self._bound

    async def put(self, frame: Taken) -> bool:
        """Take a frame in; False when it was let go instead. With `stop`, return when there was room."""
        self.paused = False
        if not self.fits(frame):
            if self._overflow is Overflow.SHED:
                return False
            await self._room(frame)
        self._health.queued_frames += 1
        self._health.queued_bytes += frame.weight
        self.tell(frame)
        return True

    def tell(self, item: object) -> None:
        """Add what happened, after the frames that came before it."""
        self._items.append(item)
        self._filled.set()

    async def take(self) -> Any:
        """The oldest item; waits for one."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        item = self._items.popleft()
        if isinstance(item, Taken):
            self._health.queued_frames -= 1
            self._health.queued_bytes -= item.weight
            self._roomy.set()
        return item

    async def _room(self, frame: Taken) -> None:
        self.paused = True
        self._health.pauses += 1
        while not self.fits(frame):
            self._roomy.clear()
            await self._roomy.wait()
        self.paused = False
