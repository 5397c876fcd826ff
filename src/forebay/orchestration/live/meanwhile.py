"""What the stream tells of a symbol while the vendor is asked about it: the answer may be older."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    def behind(self, timeframe: str, symbol: str, send: Callable[[Sequence[Message]], None]) -> Iterator[None]:
        """What is told of it while the block asks and sends answers on is sent once more behind them.

        However the block ends: of an answer that breaks off some is sent.
        """
        told = self._told[timeframe, symbol] = []
        try:
            yield
        finally:
            try:
                while told:
                    newer = told.copy()
                    send(newer)
                    del told[: len(newer)]
            finally:
                del self._told[timeframe, symbol]
