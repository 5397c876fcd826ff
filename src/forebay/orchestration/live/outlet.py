"""A sink behind a bounded queue, with a thread that empties it: one that is slow or away makes whoever sends wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from threading import Thread

from structlog import get_logger

from forebay import failpoints
from forebay.clock import Clock
from forebay.errors import ForebayError, TemporaryError
from forebay.model.message import Message
from forebay.orchestration.live.line import Line
from forebay.sinks.base import Sink

log = get_logger()

_LEAST, _MOST = 0.5, 30.0
"""Seconds between two attempts while a sink is away."""
_FLUSH, _BRIEFLY = 30.0, 2.0
"""Seconds that a flush may take before it is tried again, and one of best effort."""
_LOOK = 0.25
"""Seconds between two looks at whether it is time for a flush."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How an outlet fares."""

    sent: int
    waiting: int
    lost: int
    """Let go by one of best effort."""
    trouble: str
    """Why the last attempt failed; empty once one succeeds."""


class Outlet:
    """Hands messages to `sink` in their order, and has it flushed `every` so often."""

    def __init__(
        self, sink: Sink, clock: Clock, random: Random, *, most: int, every: timedelta, best_effort: bool = False
    ) -> None:
        """At most `most` messages wait. With `best_effort` nobody waits for it: what it cannot take is let go."""
        self.name = sink.name
        self.best_effort = best_effort
        self._sink, self._clock, self._random, self._every = sink, clock, random, every.total_seconds()
        self._line = Line(most)
        self._sent = self._lost = 0
        self._trouble = ""
        self._flushed_at = clock.elapsed()
        self._thread = Thread(target=self._run, name=f"outlet-{sink.name}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    @property
    def flow(self) -> Flow:
        """How it fares now."""
        return Flow(self._sent, self._line.waiting, self._lost, self._trouble)

    @property
    def heard(self) -> datetime | None:
        """The mark of the last frame of which everything is acknowledged."""
        return self._line.heard

    def put(self, messages: Sequence[Message], mark: datetime | None = None, *, wait: bool = True) -> int | None:
        """Take them; a ticket for `wait_settled`. Where there is no room it waits, or says None; closed, it has none.

        Raises what keeps the sink from going on.
        """
        ticket = self._line.put(messages, mark, wait=wait and not self.best_effort)
        if ticket is None and self.best_effort:
            self._lost += len(messages)
            return 0
        return ticket

    def wait_settled(self, ticket: int) -> bool:
        """Wait until all up to a ticket is acknowledged; false when that will not happen any more."""
        return self._line.wait_settled(ticket)

    def close(self, seconds: float) -> bool:
        """Send what waits, within `seconds`, and close the sink; whether all of it is acknowledged."""
        self._line.close()
        self._thread.join(seconds)
        self._line.give_up()
        self._thread.join(_FLUSH)
        try:
            self._sink.close()
        except ForebayError as error:
            log.warning("sink_not_closed", sink=self.name, error=str(error))
            return False
        return self._line.settled

    def _run(self) -> None:
        try:
            while not self._line.given_up:
                messages = self._line.next(_LOOK)
                if messages:
                    self._send(messages)
                if self._line.over or self._clock.elapsed() - self._flushed_at >= self._every:
                    self._flush()
                if self._line.over and not self._line.unsettled:
                    return
        except Exception as error:  # a bug of ours, too: who sends would wait for ever
            log.critical("sink_stopped", sink=self.name, error=str(error), exc_info=not isinstance(error, ForebayError))
            self._line.fail(error)

    def _send(self, messages: Sequence[Message]) -> None:
        if self._attempt(lambda: self._sink.send(messages)):
            self._sent += len(messages)
        elif self.best_effort:
            self._lost += len(messages)
        else:
            return
        self._line.gone(len(messages))

    def _flush(self) -> None:
        self._flushed_at = self._clock.elapsed()
        seconds = _BRIEFLY if self.best_effort else _FLUSH
        if self._line.unsettled and (self._attempt(lambda: self._sink.flush(seconds)) or self.best_effort):
            failpoints.reach("stream.flushed")
            self._line.settle()

    def _attempt(self, step: Callable[[], None]) -> bool:
        """Do it until it succeeds, or once with best effort; whether it did. Raises what cannot be tried again."""
        wait = _LEAST
        while not self._line.given_up:
            try:
                step()
            except TemporaryError as error:
                self._say(str(error))
                if self.best_effort:
                    return False
                self._line.pause(self._random.uniform(wait / 2, wait))
                wait = min(wait * 2, _MOST)
            else:
                self._say("")
                return True
        return False

    def _say(self, trouble: str) -> None:
        if trouble and not self._trouble:
            log.warning("sink_waits", sink=self.name, error=trouble)
        elif self._trouble and not trouble:
            log.info("sink_goes_on", sink=self.name)
        self._trouble = trouble
