"""Where live data meet history: each interruption is noted when it begins, refilled once it is over, then closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from structlog import get_logger

from forebay import failpoints
from forebay.clock import Clock
from forebay.errors import ForebayError, LakeError, PageRejected, StoreError, VendorError
from forebay.ledger.interruptions import Interruptions
from forebay.model.live import Cause, Cluster, Interruption, Noted, Subscription
from forebay.model.message import Message
from forebay.orchestration.live.outlet import Outlet
from forebay.orchestration.live.refill import Refill, Seen
from forebay.orchestration.live.shares import together

log = get_logger()

_AGAIN, _LONGEST = timedelta(seconds=30), timedelta(minutes=5)
"""Before another try to refill; doubled each time."""


class Seam:
    """The interruptions of one cluster. One thread notes them, another may make them good meanwhile."""

    def __init__(
        self, cluster: Cluster, book: Interruptions, refill: Refill, outlets: Sequence[Outlet], clock: Clock
    ) -> None:
        self._cluster, self._book, self._refill, self._outlets, self._clock = cluster, book, refill, outlets, clock
        self._lasting: dict[tuple[datetime, Cause], int] = {}
        """Those of this process; numbers in the ledger."""
        self._earlier: list[int] = []
        """Those of processes before it, and its own start."""
        self._tried = clock.now()
        self._wait = timedelta()

    def down(self, since: datetime, subscriptions: Sequence[Subscription]) -> None:
        """Note that nobody listened since then. What earlier processes left lasting goes on with it."""
        self._earlier = [noted.id for noted in self._book.open(self._cluster) if noted.interruption.ended is None]
        lost = Interruption(self._cluster, tuple(subscriptions), since, None, Cause.STOPPED, "no process listened")
        self._earlier.append(self._book.begin(lost))
        _tell("stream_interrupted", lost)

    def listening(self, since: datetime) -> None:
        """Everything is heard from then on."""
        for number in self._earlier:
            self._book.end(number, since)
        self._earlier = []

    def hear(self, lost: Interruption) -> None:
        """Note that one began, or that it ended. Raises LedgerError: it may be said again then."""
        key = lost.began, lost.cause
        number = self._lasting.get(key)
        if number is None:
            failpoints.reach("stream.interrupted")
            self._lasting[key] = self._book.begin(lost)
            _tell("stream_interrupted", lost)
        elif lost.ended is not None:
            self._book.end(number, lost.ended)
        if lost.ended is not None:
            del self._lasting[key]

    def told(self, messages: Sequence[Message]) -> None:
        """These came by the stream: to be called before they are sent on, so that no older answer undoes them."""
        self._refill.meanwhile.tell(messages)

    def make_good(self, seen: Seen, stopped: Callable[[], bool]) -> int:
        """Refill those that are over, the oldest first, and close each; how many were closed.

        Those whose refills overlap are refilled as one: each bar is asked for, and each sink waited for, once. What
        could not be refilled stays open, says why and is tried again. Raises LedgerError, and the error of a sink that
        cannot go on.
        """
        if timedelta() <= self._clock.now() - self._tried < self._wait:  # a clock that was set back tells nothing
            return 0
        over = [noted for noted in self._book.open(self._cluster) if self._refill.is_due(noted)]
        closed = 0
        for several in together(over):
            try:
                if stopped() or not self._close(several, seen, stopped):
                    break
            except PageRejected as error:  # of these symbols: others may be told of
                self._failed(several, error)
                continue
            except (VendorError, LakeError, StoreError) as error:
                self._failed(several, error)
                break
            closed += len(several)
        self._tried = self._clock.now()
        self._wait = timedelta() if closed == len(over) else min(max(2 * self._wait, _AGAIN), _LONGEST)
        return closed

    def _failed(self, several: Sequence[Noted], error: ForebayError) -> None:
        for noted in several:
            self._book.failed(noted.id, str(error))
            log.warning("stream_not_refilled", cluster=self._cluster.value, interruption=noted.id, error=str(error))

    def _close(self, several: Sequence[Noted], seen: Seen, stopped: Callable[[], bool]) -> bool:
        evidence = self._refill.run(several, seen, self._send, stopped)
        if evidence is None or not self._settled():
            return False
        failpoints.reach("stream.refilled")
        for noted, told in zip(several, evidence, strict=True):
            self._book.close(noted.id, told)
            log.info("stream_refilled", cluster=self._cluster.value, interruption=noted.id, **told)
        return True

    def _send(self, messages: Sequence[Message]) -> None:
        for outlet in self._outlets:
            outlet.put(messages)

    def _settled(self) -> bool:
        """Wait until every sink has acknowledged what was sent, as far as somebody waits for it."""
        awaited = [outlet for outlet in self._outlets if not outlet.best_effort]
        tickets = [(outlet, outlet.put(())) for outlet in awaited]
        return all(ticket is not None and outlet.wait_settled(ticket) for outlet, ticket in tickets)


def _tell(event: str, lost: Interruption) -> None:
    log.warning(
        event,
        cluster=lost.cluster.value,
        cause=lost.cause.value,
        began=lost.began.isoformat(),
        detail=lost.detail,
    )
