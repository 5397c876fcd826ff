"""A batch: messages that were taken, sorted into bars, dead letters and those that have no table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from math import inf

from structlog import get_logger

from forebay.errors import CheckFailed
from forebay.model.message import BarMessage, Message
from forebay.model.partition import Source
from forebay.model.place import Move, Place
from forebay.sinks.kafka.letters import Letter
from forebay.sinks.kafka.reader import Stretch, Taken
from forebay.sinks.timescale.columns import TABLES

log = get_logger(__name__)

Decode = Callable[[bytes], Message]
"""Raises CheckFailed for what is no message."""
_FIRST, _LAST = 0, 4_102_444_800_000
"""Unix milliseconds between which a bar may begin: 1970 to 2100."""
_LARGEST = 2**63
_LAKE = Source.LAKE
_LONGEST = 250
"""Characters of a symbol; a topic's name has no more."""


@dataclass(slots=True)
class Batch:
    """What is stored together."""

    bars: list[BarMessage] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    """Kind of message without a table to how many there were."""
    topics: Counter[str] = field(default_factory=Counter)
    """Topic to messages of it."""
    missed: int = 0
    """Offsets that were skipped: their messages expired, or were never there."""


def sort_out(taken: Iterable[Stretch], decode: Decode, stands: MutableMapping[Place, int | None]) -> Batch:
    """The batch that these messages make. `stands`, the next offset of each place, moves on; others are left out."""
    batch, began = Batch(), dict[Place, int | None]()
    for one in taken:
        if one.place not in stands:
            continue
        at = stands[one.place]
        began.setdefault(one.place, at)
        batch.topics[one.place.topic] += len(one.offsets)
        _look_for_jumps(batch, one, at)
        stands[one.place] = one.offsets[-1] + 1
        _put(batch, one, decode)
    batch.moves = [Move(place, expected, stands[place] or 0) for place, expected in began.items()]
    return batch


def _put(batch: Batch, one: Stretch, decode: Decode) -> None:
    keep = batch.bars.append
    for offset, value in zip(one.offsets, one.values, strict=True):
        try:
            message = decode(value or b"")
        except CheckFailed as error:
            batch.letters.append(Letter(Taken(one.place, offset, value), str(error) if value is not None else "empty"))
            continue
        if not isinstance(message, BarMessage):
            batch.passed_over[type(message).__name__.removesuffix("Message").lower()] += 1
        elif why := fault(message):
            batch.letters.append(Letter(Taken(one.place, offset, value), why))
        else:
            keep(message)


def _look_for_jumps(batch: Batch, one: Stretch, at: int | None) -> None:
    """The library starts at the first message that is there when the one that was asked for is not."""
    first = one.offsets[0] if at is None else at
    if one.offsets == list(range(first, first + len(one.offsets))):
        return
    for offset in one.offsets:
        if offset != first:
            _jumped(batch, one.place, offset, first)
        first = offset + 1


def _jumped(batch: Batch, place: Place, offset: int, at: int) -> None:
    if offset > at:
        batch.missed += offset - at
        log.error(
            "messages_missed",
            place=str(place),
            messages=offset - at,
            why="they expired in Kafka before they were read: `forebay gaps scan --in timescale` finds what lacks",
        )
    else:
        log.warning("topic_made_anew", place=str(place), position=at, first=offset)


def fault(bar: BarMessage) -> str | None:  # noqa: PLR0911 - a line for each
    """Why a bar can be no row; None for one that can."""
    low, high = bar.low, bar.high
    if bar.timeframe not in TABLES:
        return f"no table for bars of {bar.timeframe!r}"
    symbol = bar.symbol
    if not symbol or len(symbol) > _LONGEST or "\0" in symbol:
        return "its symbol is none"
    if not _FIRST <= bar.timestamp < _LAST:
        return f"its time {bar.timestamp} is none of Unix milliseconds between 1970 and 2100"
    if not (-inf < low <= bar.open <= high < inf and low <= bar.close <= high):
        return "its prices are not finite and between low and high"
    if not (-inf < (bar.volume or 0.0) < inf and -inf < (bar.vwap or 0.0) < inf):
        return "its volume or vwap is not finite"
    if bar.source is _LAKE:
        return "its source is none of the vendor's"
    if bar.transactions is not None and not 0 <= bar.transactions < _LARGEST:
        return "its count of transactions is none"
    return None
