"""Asks for subscriptions, one channel after the other, until each has its answer; and again when there are more."""

from __future__ import annotations

from collections.abc import Callable

from forebay.errors import ForebayError, NotEntitled, UsageError
from forebay.model.live import Cause, Cluster
from forebay.vendor.stream.asking import Asking, Request
from forebay.vendor.stream.connection import Connection, Ended
from forebay.vendor.stream.heard import Refused
from forebay.vendor.stream.limits import SessionLimits
from forebay.vendor.stream.queue import FrameQueue

_NAMED = 5
"""Subscriptions named in an error."""


class Subscribing:
    """The asking side of one connection."""

    def __init__(self, asking: Asking, queue: FrameQueue, limits: SessionLimits) -> None:
        self._asking = asking
        self._queue = queue
        self._limits = limits

    async def run(self, connection: Connection, answered: Callable[[], None]) -> None:
        """Call `answered` whenever nothing is left to ask. Raises Ended, and the refusal of all that was asked for."""
        while True:
            await self._asking.changed()
            leaving = self._asking.leaving()
            if leaving:
                await connection.send("unsubscribe", ",".join(leaving))
            while request := self._asking.next_request():
                await self._ask(connection, request)
            answered()

    async def _ask(self, connection: Connection, request: Request) -> None:
        await connection.send("subscribe", ",".join(request.asked))
        await self._asking.answers(request, self._limits.acknowledge, self._limits.quiet)
        missing = request.open
        if not missing:
            return
        if not request.refusals and any(map(self._asking.was_granted, missing)):
            raise Ended(Cause.CLOSED, f"not acknowledged again: {_named(request)}")
        error = _refusal(self._asking.cluster, request, self._limits.acknowledge)
        self._asking.refuse(missing)
        self._queue.tell(Refused(missing, error))
        if not self._asking.wanted:
            raise error


def _refusal(cluster: Cluster, request: Request, seconds: float) -> ForebayError:
    channel = request.open[0].channel
    if request.refusals:
        return NotEntitled(
            f"{_named(request)}: refused on the stream of {cluster}; the vendor says: {request.refusals[-1]}",
            remedy=f"Take a plan with channel {channel} of {cluster}, or leave it out.",
        )
    return UsageError(
        f"{_named(request)}: the stream of {cluster} gave no answer within {seconds:g} s",
        remedy=f"The vendor is silent about what it does not know: check channel {channel}, or leave it out.",
    )


def _named(request: Request) -> str:
    names = [str(one) for one in request.open]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
