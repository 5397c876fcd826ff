"""Sizes of bars as users write them, and which bars they are made from."""

from __future__ import annotations

from collections.abc import Sequence

from forebay.errors import UsageError
from forebay.model.catalogue import Kind
from forebay.model.words import nearest

DERIVED = ("5m", "15m", "1h")
"""Made from minute bars when they are read: the vendor counts a request for them in minutes too, so that asking for
them would cost the same calls again and bring nothing new (REST page, section 2)."""
TIMEFRAMES = ("1m", *DERIVED, "1d")
"""What users ask for; all of them unless they say otherwise."""


def base_of(timeframe: str) -> Kind:
    """The bars that are stored for a timeframe: day bars for `1d`, minute bars for every other."""
    return Kind.BARS_1D if timeframe == "1d" else Kind.BARS_1M


def timeframes_named(names: Sequence[str]) -> tuple[str, ...]:
    """The timeframes that a person names, each once, small before large. Raises UsageError for an unknown one."""
    for name in names:
        if name not in TIMEFRAMES:
            raise UsageError(f"unknown timeframe {name!r}", remedy=nearest(name, TIMEFRAMES))
    return tuple(timeframe for timeframe in TIMEFRAMES if timeframe in names)
