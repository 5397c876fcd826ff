"""What the stream tells of a symbol while the vendor is asked about it: the answer may be older."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from forebay.model.message import BarMessage, Message


class Meanwhile:
    """One thread tells what came, others ask; each symbol's bars of a timeframe are asked for by one at a time."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], list[BarMessage]] = {}

    def tell(self, messages: Sequence[Message]) -> None:
        """These came: told before they are sent on, so that none can be overtaken unseen."""
        if not self._told:
            return
        for message in messages:
            if isinstance(message, BarMessage):
                told = self._told.get((message.timeframe, message.symbol))
                if told is not None:
                    told.append(message)

    @contextmanager
    def of(self, timeframe: str, symbol: str) -> Iterator[list[BarMessage]]:
        """What is told of it from now on, in order; the list grows until the end of the block."""
        told = self._told[timeframe, symbol] = []
        try:
            yield told
        finally:
            del self._told[timeframe, symbol]
