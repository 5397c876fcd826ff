"""The objects that probes write to learn what a store can do, and remove again."""

from __future__ import annotations

from datetime import datetime, timedelta

from forebay.stores.store import Store, Stored

SCRATCH = "_forebay/probe-"
"""Start of the keys that a probe writes and removes."""
_OLD = timedelta(hours=1)


def leftovers(store: Store, now: datetime) -> list[Stored]:
    """What probes left whose process was killed; `now` is in UTC."""
    return [found for found in store.list(SCRATCH) if now - found.modified > _OLD]
