"""What waits for a sink: bounded, in order, and known up to where it was acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from threading import Condition

from forebay.model.message import Message

_TOGETHER = 5_000
"""Messages that are taken out at once, more or less."""


class Line:
    """At most `most` messages and one frame's. A ticket is how many came in: all before it are settled when it is."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._change = Condition()
        self._queue: deque[tuple[Sequence[Message], datetime | None]] = deque()
        self._came = self._left = self._settled = 0
        """Messages that were put in, that a sink took or that were let go, and those acknowledged."""
        self._mark: datetime | None = None
        """Of the last frame that went out."""
        self._error: Exception | None = None
        self.closing = self.given_up = False
        self.heard: datetime | None = None
        """The mark of the last frame of which all is acknowledged."""

    @property
    def waiting(self) -> int:
        """Messages that no sink took yet."""
        with self._change:
            return self._came - self._left

    @property
    def settled(self) -> bool:
        """Whether everything that came in is acknowledged."""
        with self._change:
            return self._settled == self._came

    @property
    def unsettled(self) -> bool:
        """Whether something went out that is not acknowledged."""
        with self._change:
            return self._settled < self._left or self._mark != self.heard

    @property
    def over(self) -> bool:
        """Whether nothing waits and nothing will come."""
        with self._change:
            return self.closing and not self._queue

    def put(self, messages: Sequence[Message], mark: datetime | None, *, wait: bool) -> int | None:
        """Take them in; a ticket. Without room it waits for it, or says None; closed, it has none.

        Raises what the sink cannot recover from.
        """
        with self._change:
            if wait:
                self._change.wait_for(lambda: self._has_room or self._is_dead or self.closing)
            if self._error:
                raise self._error
            if self.closing or not self._has_room:
                return None
            self._queue.append((messages, mark))
            self._came += len(messages)
            self._change.notify_all()
            return self._came

    def wait_settled(self, ticket: int) -> bool:
        """Wait until all up to a ticket is acknowledged; false when that will not happen any more."""
        with self._change:
            self._change.wait_for(lambda: self._settled >= ticket or self._is_dead)
            return self._settled >= ticket

    def next(self, seconds: float) -> list[Message]:
        """Some thousands of those that wait, after a wait of `seconds` for any."""
        messages: list[Message] = []
        with self._change:
            self._change.wait_for(lambda: self._queue or self.closing or self.given_up, seconds)
            while self._queue and len(messages) < _TOGETHER:
                batch, mark = self._queue.popleft()
                messages += batch
                self._mark = mark or self._mark
        return messages

    def gone(self, count: int) -> None:
        """So many were taken by the sink, or let go."""
        with self._change:
            self._left += count
            self._change.notify_all()

    def settle(self) -> None:
        """Everything that went out is acknowledged."""
        with self._change:
            self._settled, self.heard = self._left, self._mark
            self._change.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait, unless it is given up."""
        with self._change:
            self._change.wait_for(lambda: self.given_up, seconds)

    def fail(self, error: Exception) -> None:
        """Nothing can go out any more."""
        with self._change:
            self._error = error
            self._change.notify_all()

    def close(self) -> None:
        """Nothing more comes."""
        with self._change:
            self.closing = True
            self._change.notify_all()

    def give_up(self) -> None:
        """Nothing more goes out; nobody waits any longer."""
        with self._change:
            self.given_up = True
            self._change.notify_all()

    @property
    def _has_room(self) -> bool:
        return self._came - self._left < self._most

    @property
    def _is_dead(self) -> bool:
        return self.given_up or self._error is not None
