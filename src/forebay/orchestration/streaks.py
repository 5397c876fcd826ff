"""Failures in a row: what one file suffers from is the file's, what several do and none escapes is the world's."""

from __future__ import annotations

from collections import defaultdict

from forebay.errors import ForebayError, ObjectChanged, StoreFull, StoreUnavailable, VendorUnavailable
from forebay.model.feed import ARCHIVE
from forebay.model.task import Lease

_LIMITS: dict[type[ForebayError], int] = {StoreFull: 3, VendorUnavailable: 6, StoreUnavailable: 6}
"""Of how many tasks in a row. One file may be too large where others fit, or be the one a server stumbles over; when
none fits and none is answered, going on would only use up their attempts."""


class Streaks:
    """Tasks that failed alike since the last one that was completed."""

    def __init__(self) -> None:
        self._tasks: defaultdict[type[ForebayError], set[int]] = defaultdict(set)

    def ends_run(self, error: ForebayError, lease: Lease) -> bool | None:
        """Whether so many tasks failed like this one that the run should stop; None for what is not counted here."""
        if isinstance(error, ObjectChanged):  # concerns this object only
            return None
        kind = next((kind for kind in _LIMITS if isinstance(error, kind)), None)
        if kind is None or (kind is StoreFull and lease.task.draft.destination != ARCHIVE):
            return None
        self._tasks[kind].add(lease.task.id)
        return len(self._tasks[kind]) >= _LIMITS[kind]

    def clear(self) -> None:
        """A task was completed, or a new run begins."""
        self._tasks.clear()
