"""The line of those who wait for a call: batch and interactive callers take turns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

LATE = timedelta(seconds=0.25)
"""Who wakes up later than this has missed the moment and reserves another."""
SOON = timedelta(milliseconds=1)
"""A moment this near is now: its caller does not wait for it, and nobody is put before it."""
TICK = timedelta(microseconds=1)
"""Between two moments, so that their order is never in doubt."""


def place_in_line(line: Sequence[bool], last: bool | None, newcomer: bool) -> int:
    """Where a newcomer joins the line: behind its own kind and one of the other, so that they take turns.

    `line` says of each who waits, and `last` of the last that had its turn (None: nobody), whether it is interactive.
    """
    before = next((place for place in reversed(range(len(line))) if line[place] == newcomer), None)
    if before is None:
        before = -1 if last == newcomer else -2
    return min(before + 2, len(line))
