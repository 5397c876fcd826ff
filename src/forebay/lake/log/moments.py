"""Which moment an `as_of` means for tables that are known by time rather than by version."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from forebay.errors import UsageError
from forebay.lake.home.home import Home
from forebay.lake.log.history import known_until
from forebay.lake.log.versions import AsOf


def moment_of(home: Home, beside: Collection[str], as_of: AsOf | None, what: str) -> datetime | None:
    """The moment up to which `what` is to be known; None for now. A version is one of the first table of `beside`.

    Raises UsageError for a version's number without such a table, and for a moment without a time zone.
    """
    if isinstance(as_of, datetime) and as_of.tzinfo is None:
        raise UsageError(f"as_of={as_of} has no time zone", remedy="give it one: datetime(..., tzinfo=UTC)")
    if isinstance(as_of, datetime) or as_of is None:
        return as_of
    if not beside:
        raise UsageError(f"version {as_of} of which table?", remedy=f"give as_of a datetime: {what} are known by time")
    return known_until(home.table(next(iter(beside))), as_of)
