"""What the ledger is to be told of a stream: in order, one step after the other, none forgotten while it is away."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from structlog import get_logger

from forebay.errors import TemporaryError

log = get_logger()

_AGAIN = 1.0
"""Seconds before a step is tried again."""


class Books:
    """For one event loop; steps run in threads, one at a time. A step that failed may be done again."""

    def __init__(self) -> None:
        self._steps: deque[Callable[[], None]] = deque()
        self._more = asyncio.Event()
        self._writing: asyncio.Future[None] | None = None

    @property
    def kept(self) -> bool:
        """Whether everything that was added is written."""
        return not self._steps

    def add(self, step: Callable[[], None]) -> None:
        """To be done after those before it."""
        self._steps.append(step)
        self._more.set()

    async def keep(self) -> NoReturn:
        """Do what is added, for ever; a ledger that is away is waited for. Raises what else a step does."""
        while True:
            try:
                await self.finish()
            except TemporaryError as error:
                log.warning("ledger_waits", error=str(error))
                await asyncio.sleep(_AGAIN)
            else:
                self._more.clear()
                await self._more.wait()

    async def finish(self) -> None:
        """Do what is left; raises what a step does, and has it still."""
        while self._steps:
            if self._writing is None:
                self._writing = asyncio.ensure_future(asyncio.to_thread(self._steps[0]))
            try:
                await asyncio.shield(self._writing)  # who is cancelled leaves it to who finishes
            finally:
                if self._writing.done():
                    self._writing = None
            self._steps.popleft()
