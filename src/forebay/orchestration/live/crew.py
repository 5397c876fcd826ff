"""The streams of one process: one for each cluster that something is wanted of, begun, changed and begun again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from structlog import get_logger

from forebay.errors import ForebayError, TemporaryError
from forebay.model.live import Cluster, Subscription
from forebay.orchestration.live.stream import LiveStream

log = get_logger()

_LOOK = 5.0
"""Seconds between two looks at what is wanted; a stream that ended is begun again then."""
_REST = 300.0
"""Seconds before a stream that failed is begun again: a plan or a key does not change in less."""

Wanted = Mapping[Cluster, Collection[Subscription]]
OpenStream = Callable[[Cluster, Collection[Subscription]], LiveStream]
"""Takes the cluster for this process and makes its stream. Raises ForebayError when another process has it."""


class Crew:
    """Runs on one event loop, until `stop`. With `follow` it goes on looking at what is wanted, and never gives up."""

    def __init__(self, open_stream: OpenStream, wanted: Callable[[], Wanted], *, follow: bool) -> None:
        self._open, self._wanted, self._follow = open_stream, wanted, follow
        self._streams: dict[Cluster, LiveStream] = {}
        self._tasks: dict[Cluster, asyncio.Task[bool]] = {}
        self._stopping = asyncio.Event()
        self._drained = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told_to_stop = False
        self._not_before: dict[Cluster, float] = {}

    @property
    def streams(self) -> list[LiveStream]:
        """Those that run."""
        return list(self._streams.values())

    def stop(self) -> None:
        """End in order. For the loop's own thread."""
        self._stopping.set()

    def stop_from_outside(self) -> None:
        """The same, from any thread, at any time."""
        self._told_to_stop = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it is over
                self._loop.call_soon_threadsafe(self.stop)

    def run_alone(self) -> None:
        """Run in this thread, on a loop of its own. An error nobody foresaw is logged."""
        try:
            asyncio.run(self.run())
        except Exception:
            log.exception("streams_ended")

    async def run(self) -> bool:
        """Stream; whether every sink has acknowledged all that came.

        Raises ForebayError when a stream cannot be had; with `follow` that is logged and tried again.
        """
        self._loop = asyncio.get_running_loop()
        try:
            while not (self._stopping.is_set() or self._told_to_stop):
                await self._look()
                if not self._follow and not self._tasks:
                    break
                await self._wait()
                self._reap()
        finally:
            for stream in self.streams:
                stream.stop()
            if self._tasks:
                await asyncio.wait(self._tasks.values())
            self._reap(over=True)
        return self._drained

    async def _look(self) -> None:
        try:
            wanted = await asyncio.to_thread(self._wanted)
        except TemporaryError as error:
            if not self._follow:
                raise
            log.warning("ledger_waits", error=str(error))
            return
        for cluster, stream in self._streams.items():
            if not wanted.get(cluster):
                stream.stop()
            elif {*wanted[cluster]} != stream.asked:
                stream.change(wanted[cluster])
        for cluster in wanted:
            rests = self._now() < self._not_before.get(cluster, 0.0)
            if wanted[cluster] and cluster not in self._streams and not rests:
                await self._begin(cluster, wanted[cluster])

    async def _begin(self, cluster: Cluster, subscriptions: Collection[Subscription]) -> None:
        try:
            stream = await asyncio.to_thread(self._open, cluster, subscriptions)
        except ForebayError as error:
            if not self._follow:
                raise
            log.warning("stream_not_begun", cluster=cluster.value, error=str(error))
            return
        self._streams[cluster] = stream
        self._tasks[cluster] = asyncio.create_task(stream.run())

    async def _wait(self) -> None:
        """For the end of a stream, for `stop`, or for the next look."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait(
            [stopping, *self._tasks.values()],
            timeout=_LOOK if self._follow else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
        stopping.cancel()

    def _reap(self, *, over: bool = False) -> None:
        """Look how streams ended. Without `follow` the first that failed ends the others."""
        ended = [cluster for cluster, task in self._tasks.items() if task.done()]
        for cluster in ended:
            task = self._tasks.pop(cluster)
            del self._streams[cluster]
            error = task.exception()
            if error is None:
                self._drained &= task.result()
            elif self._follow:  # a bug of ours in one stream is no reason to stop the others
                self._drained &= not over
                self._not_before[cluster] = self._now() + _REST
                _tell_failure(cluster, error)
            elif over:
                self._drained = False
            else:
                raise error
        if ended and not self._follow:
            self._stopping.set()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _tell_failure(cluster: Cluster, error: BaseException) -> None:
    if isinstance(error, ForebayError):
        log.error("stream_failed", cluster=cluster.value, error=str(error), remedy=error.remedy)
    else:
        log.error("stream_failed", cluster=cluster.value, exc_info=error)
