"""A batch: messages that were taken, sorted into bars, dead letters and those that have no table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from math import isfinite

from structlog import get_logger

from forebay.errors import CheckFailed
from forebay.model.message import BarMessage, Message
from forebay.model.partition import Source
from forebay.model.place import Move, Place
from forebay.sinks.kafka.letters import Letter
from forebay.sinks.kafka.reader import Taken
from forebay.sinks.timescale.columns import TABLES

log = get_logger(__name__)

Decode = Callable[[bytes], Message]
"""Raises CheckFailed for what is no message."""
_FIRST, _LAST = 0, 4_102_444_800_000
"""Unix milliseconds between which a bar may begin: 1970 to 2100."""
_LARGEST = 2**63
_LONGEST = 250
"""Characters of a symbol; a topic's name has no more."""


@dataclass(slots=True)
class Batch:
    """What is stored together."""

    bars: list[BarMessage] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    moves: dict[Place, Move] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    """Kind of message without a table to how many there were."""
    missed: int = 0
    """Offsets that were skipped: their messages expired, or were never there."""


def sort_out(taken: Iterable[Taken], decode: Decode, stands: MutableMapping[Place, int | None]) -> Batch:
    """The batch that these messages make. `stands`, the next offset of each place, moves on; others are left out."""
    batch = Batch()
    for one in taken:
        if one.place not in stands:
            continue
        _step(batch, one, stands)
        try:
            message = decode(one.value) if one.value is not None else None
        except CheckFailed as error:
            batch.letters.append(Letter(one, str(error)))
            continue
        if isinstance(message, BarMessage):
            if why := fault(message):
                batch.letters.append(Letter(one, why))
            else:
                batch.bars.append(message)
        elif message is None:
            batch.letters.append(Letter(one, "empty"))
        else:
            batch.passed_over[type(message).__name__.removesuffix("Message").lower()] += 1
    return batch


def _step(batch: Batch, one: Taken, stands: MutableMapping[Place, int | None]) -> None:
    at, earlier = stands[one.place], batch.moves.get(one.place)
    if at is not None and one.offset != at:
        _jumped(batch, one, at)
    stands[one.place] = one.offset + 1
    batch.moves[one.place] = Move(one.place, earlier.expected if earlier else at, one.offset + 1)


def _jumped(batch: Batch, one: Taken, at: int) -> None:
    """The library starts at the first message that is there when the one that was asked for is not."""
    if one.offset > at:
        batch.missed += one.offset - at
        log.error(
            "messages_missed",
            place=str(one.place),
            messages=one.offset - at,
            why="they expired in Kafka before they were read: `forebay gaps scan --in timescale` finds what lacks",
        )
    else:
        log.warning("topic_made_anew", place=str(one.place), position=at, first=one.offset)


def fault(bar: BarMessage) -> str | None:  # noqa: PLR0911 - a line for each
    """Why a bar can be no row; None for one that can."""
    numbers = (bar.open, bar.high, bar.low, bar.close, bar.volume or 0.0, bar.vwap or 0.0)
    if bar.timeframe not in TABLES:
        return f"no table for bars of {bar.timeframe!r}"
    if not bar.symbol or len(bar.symbol) > _LONGEST or "\0" in bar.symbol:
        return "its symbol is none"
    if not _FIRST <= bar.timestamp < _LAST:
        return f"its time {bar.timestamp} is none of Unix milliseconds between 1970 and 2100"
    if not all(map(isfinite, numbers)):
        return "a number of it is not finite"
    if bar.source is Source.LAKE:
        return "its source is none of the vendor's"
    if not (bar.low <= bar.open <= bar.high and bar.low <= bar.close <= bar.high):
        return "its prices are not between low and high"
    if bar.transactions is not None and not 0 <= bar.transactions < _LARGEST:
        return "its count of transactions is none"
    return None
