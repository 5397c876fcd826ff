"""Until when everything was heard: by what the events say and by when they came, whichever is earlier."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from forebay.model.message import BarMessage, Message

_WIDTHS = {"1s": 1.0, "1m": 60.0}
_MILLI = 1000
_AHEAD = 300.0
"""Seconds that the vendor's clock and ours may differ; an event beyond is misdated."""


class Trail:
    """What was heard since the subscriptions were last acknowledged. Delay and overlap are in seconds."""

    def __init__(self, delay: float, overlap: float) -> None:
        self._delay = timedelta(seconds=delay)
        self._overlap = timedelta(seconds=overlap)
        self._since: datetime | None = None
        self._received: datetime | None = None
        self._newest = 0.0
        self._end = 0.0
        self.lag: float | None = None
        """Seconds from the end of the newest event to its receipt, the delay taken off."""

    def begin(self, since: datetime) -> None:
        """From here on everything is heard."""
        self._since, self._received, self._newest = since, None, 0.0

    def saw(self, messages: Sequence[Message], received: datetime) -> None:
        """Follow a frame by its ends: what lies between is hardly newer, and too early an answer is safe."""
        self._received = received
        for message in (messages[0], messages[-1]):
            start = message.timestamp / _MILLI
            self._newest = max(self._newest, start)
            end = start + (_WIDTHS[message.timeframe] if isinstance(message, BarMessage) else 0.0)
            lag = received.timestamp() - self._delay.total_seconds() - end
            # A bar sent anew, for a late trade, is old and says nothing of lag; nor does a time that is yet to come.
            if end > self._end and lag > -_AHEAD:
                self._end, self.lag = end, lag

    def until(self) -> datetime | None:
        """The last moment of which everything was heard, UTC; None before anything was subscribed to.

        Bars of a minute that is over come within seconds, not at once, hence the overlap.
        """
        if self._since is None:
            return None
        heard = self._since
        if self._received is not None:
            heard = max(heard, min(self._received - self._delay, datetime.fromtimestamp(self._newest, UTC)))
        return heard - self._overlap
