"""Off the socket and into the queue: nothing is let go without a word."""

from __future__ import annotations

from datetime import datetime

from forebay.model.live import Cause
from forebay.vendor.stream.asking import Asking
from forebay.vendor.stream.connection import Connection
from forebay.vendor.stream.decode import statuses_in
from forebay.vendor.stream.events import Status
from forebay.vendor.stream.heard import Health, Subscribed
from forebay.vendor.stream.queue import FrameQueue, Taken
from forebay.vendor.stream.telling import Back, Lost


class Intake:
    """What the reader does with a frame."""

    def __init__(self, queue: FrameQueue, asking: Asking, health: Health) -> None:
        self._queue = queue
        self._asking = asking
        self._health = health
        self._shedding = False
        self.events = 0
        """Frames so far that held more than statuses."""

    def take(self, connection: Connection, data: bytes, received: datetime) -> Taken | None:
        """Queue one frame, or let it go; statuses are heard at once. Returns one that must wait for room."""
        if b"status" in data and (statuses := statuses_in(data)):
            self._hear(connection, statuses, received)
        else:
            self.events += 1
        taken = Taken(data, received)
        if self._shedding:
            self.look(received)
        if not self._shedding and self._queue.offer(taken):
            return None
        if self._queue.waits:
            return taken
        self._shed(taken)
        return None

    def _hear(self, connection: Connection, statuses: list[Status], received: datetime) -> None:
        connection.note(statuses)
        self._asking.hear(statuses)
        granted = self._asking.news()
        if granted:
            self._queue.tell(Subscribed(granted, received))

    def look(self, now: datetime) -> None:
        """Stop letting frames go once half of the queue is free."""
        if self._shedding and self._queue.easy:
            self._shedding = False
            self._queue.tell(Back(now, shedding=True))

    def _shed(self, taken: Taken) -> None:
        self._health.shed_frames += 1
        self._health.shed_bytes += len(taken.data)
        if not self._shedding:
            self._shedding = True
            self._queue.tell(Lost(Cause.SHED, self._asking.active, "frames came faster than they were taken"))
