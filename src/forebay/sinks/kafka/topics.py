"""What topics are called: one for each symbol and phase, or one for each kind of data and phase.

Kafka takes letters, digits, `.`, `_` and `-`, up to 249 of them, and tells capitals from small letters. It refuses a
topic whose name differs from another's in `.` and `_` alone, because both are `_` in its metrics: no ticker's name
has a `_`. A ticker's letters, digits and dots stay; anything else becomes `-` and two hex digits in capitals, so that
`BRK.B` is `BRK.B` and `C:EURUSD` is `C-3AEURUSD`. The name of a kind of data has a small letter after a `-`, which no
ticker's has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from urllib.parse import unquote

from forebay.errors import CheckFailed
from forebay.model.message import BarMessage, Message, QuoteMessage, SnapshotMessage, TradeMessage, ValueMessage
from forebay.model.registry import Phase

LONGEST = 249
"""Kafka's limit on a topic's name."""

_KIND: dict[type[Message], str] = {
    TradeMessage: "trades",
    QuoteMessage: "quotes",
    ValueMessage: "values",
    SnapshotMessage: "snapshots",
}


@dataclass(frozen=True, slots=True)
class Topics:
    """Names topics under a prefix."""

    prefix: str = "chronox"
    by_symbol: bool = True
    """A topic for each symbol; otherwise one for each kind of data, whose messages are kept apart by their key."""

    def of(self, message: Message) -> str:
        """Where a message goes. Raises CheckFailed for a ticker that makes too long a name."""
        if not self.by_symbol:
            return f"{self.prefix}.{phase_of(message)}.{message.asset_class}-{_kind(message)}"
        return self.of_symbol(phase_of(message), message.symbol)

    def of_symbol(self, phase: Phase, symbol: str) -> str:
        """The topic of a ticker. Raises CheckFailed for one that makes too long a name, or is empty."""
        name = f"{self.prefix}.{phase}.{encode_symbol(symbol)}"
        if len(name) > LONGEST:
            raise CheckFailed(
                f"{symbol} makes a topic of {len(name)} characters; Kafka takes {LONGEST}",
                remedy="Shorten KAFKA_TOPIC_PREFIX, or set KAFKA_TOPICS=channel.",
            )
        return name

    def symbol_of(self, topic: str) -> str | None:
        """The ticker of a topic that `of_symbol` named; None for any other topic."""
        found = re.fullmatch(rf"{re.escape(self.prefix)}\.(?:{_PHASES})\.({_SYMBOL})", topic)
        return decode_symbol(found[1]) if found else None

    def pattern(self, phases: Collection[Phase] = tuple(Phase)) -> str:
        """What a consumer of these phases subscribes to: every topic that `of` names, of either way."""
        return rf"^{re.escape(self.prefix)}\.({'|'.join(phases)})\..+$"

    @property
    def dead_letters(self) -> str:
        """Where a consumer puts what it cannot use; not among those of `pattern`."""
        return f"{self.prefix}.dead-letters"


class Addresses:
    """`Topics.of`, remembered: a name takes as long to make as all the rest of sending."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._known: dict[Hashable, str] = {}

    def of(self, message: Message) -> str:
        """Where a message goes. Raises CheckFailed as `Topics.of`."""
        key = self._key(message)
        topic = self._known.get(key)
        if topic is None:
            topic = self._topics.of(message)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = topic
        return topic

    def _key(self, message: Message) -> Hashable:
        """What a name is made of."""
        if self._topics.by_symbol:
            return message.symbol, phase_of(message)
        if isinstance(message, BarMessage):
            return message.asset_class, message.timeframe, message.phase
        return message.asset_class, type(message)


_REMEMBERED = 100_000
_PHASES = "|".join(Phase)
_SYMBOL = r"(?:[A-Za-z0-9.]|-[0-9A-F]{2})+"


def phase_of(message: Message) -> Phase:
    """Which phase brought it."""
    if isinstance(message, BarMessage):
        return message.phase
    return Phase.SNAPSHOT if isinstance(message, SnapshotMessage) else Phase.STREAM


def encode_symbol(symbol: str) -> str:
    """A ticker in Kafka's alphabet: reversible, no two are one. Raises CheckFailed for an empty one."""
    if not symbol:
        raise CheckFailed("a message without a ticker has no topic", remedy="It is left out.")
    return "".join(_encode_char(char) for char in symbol)


def decode_symbol(encoded: str) -> str:
    """The ticker that `encode_symbol` made it from."""
    return unquote(encoded.replace("-", "%"))


def _encode_char(char: str) -> str:
    if char == "." or (char.isascii() and char.isalnum()):
        return char
    return "".join(f"-{byte:02X}" for byte in char.encode())


def _kind(message: Message) -> str:
    return f"bars-{message.timeframe}" if isinstance(message, BarMessage) else _KIND[type(message)]
