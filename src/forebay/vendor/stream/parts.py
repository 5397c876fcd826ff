"""A frame taken apart into its events, each still as it came; of one that is no JSON, whatever can be told apart."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec

_MOST_COMMAS = 1_000_000
"""In a frame that is taken apart: some 100,000 events. A bomb has more, and its parts would fill the memory."""
_START = '{"ev"'
"""How every event of the vendor's begins; within a text the quotes would be escaped."""
_MOST_TORN = 20
"""Events without an end after which the rest is not looked into: each costs a look at all that follows."""
_JSON = json.JSONDecoder()


def parts_of(data: bytes | str) -> list[bytes]:
    """The parts of a frame; what lies between those that can be told apart is one of its own.

    Raises ValueError for a frame in which there is no event, and for one of too many parts.
    """
    if (data.count(",") if isinstance(data, str) else data.count(b",")) > _MOST_COMMAS:
        raise ValueError("it has too many parts")
    try:
        return [bytes(part) for part in msgspec.json.decode(data, type=list[msgspec.Raw])]
    except (ValueError, RecursionError) as error:
        text = data if isinstance(data, str) else data.decode(errors="replace")
        parts = list(_told_apart(text))
        if not any(whole for _, whole in parts):
            raise ValueError(str(error)) from error
    return [part.encode(errors="replace") for part, _ in parts]


def _told_apart(text: str) -> Iterator[tuple[str, bool]]:
    """Each part, and whether it is an object. The frame is torn, or a number in it is none, such as NaN."""
    end = torn = 0
    while torn < _MOST_TORN and (start := text.find(_START, end)) >= 0:
        yield from _between(text[end:start])
        end = _end_of(text, start)
        whole = end > start
        if not whole:
            torn += 1
            end = text.find(_START, start + 1) % (len(text) + 1)  # -1, for none, is the end
        yield text[start:end], whole
    yield from _between(text[end:])


def _end_of(text: str, start: int) -> int:
    """Where the object that starts there ends; `start` when it does not."""
    try:
        return _JSON.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return start


def _between(text: str) -> Iterator[tuple[str, bool]]:
    rest = text.strip("[], \r\n\t")
    if rest:
        yield rest, False
