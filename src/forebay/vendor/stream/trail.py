"""Until when everything was heard: by what the events say and by when they came, whichever is earlier."""

from __future__ import annotations

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
        self._last: Message | None = None
        self._end = 0.0

    def begin(self, since: datetime) -> None:
        """From here on everything is heard."""
        self._since, self._received, self._last = since, None, None

    def saw(self, last: Message, received: datetime) -> None:
        """Follow a frame by its last event: others are hardly newer, and too early an answer is safe."""
        self._last = last
        self._received = received
        if self._since is not None:  # a clock that was ahead then, and was set right
            self._since = min(self._since, received - self._delay)

    def lag(self, last: Message, received: datetime) -> float | None:
        """Seconds from the end of an event to its receipt, the delay taken off; None when it says nothing of lag."""
        end = last.timestamp / _MILLI
        if type(last) is BarMessage:
            end += _WIDTHS[last.timeframe]
        if end <= self._end:  # a bar sent anew, for a late trade, is old
            return None
        lag = (received - self._delay).timestamp() - end
        if lag < -_AHEAD:
            return None
        self._end = end
        return lag

    def until(self) -> datetime | None:
        """The last moment of which everything was heard, UTC; None before anything was subscribed to.

        Bars of a minute that is over come within seconds, not at once, hence the overlap.
        """
        if self._since is None:
            return None
        heard = self._since
        if self._last is not None and self._received is not None:
            newest = datetime.fromtimestamp(self._last.timestamp / _MILLI, UTC)
            heard = max(heard, min(self._received - self._delay, newest))
        return heard - self._overlap
