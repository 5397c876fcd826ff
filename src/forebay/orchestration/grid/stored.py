"""What the storage itself says: the dates of which the lake's log, or the archive's store, lists files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from threading import Lock, Thread

import structlog

from forebay.clock import Clock
from forebay.errors import ForebayError, NoSuchTable
from forebay.lake.reading.tables import Tables
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.partition import Source
from forebay.orchestration.archive.inventory import shelf
from forebay.orchestration.grid.sessions import Sessions
from forebay.stores.store import Store

log = structlog.get_logger(__name__)
LISTED_AGAIN = timedelta(minutes=5)
"""How long a listing of an archive is counted on: a bucket takes a request for a thousand files."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The dates of a table that files hold rows of, those of the running day's stream apart."""

    days: frozenset[date]
    told: bool = True
    """False where a file of another program may hold any date: then nothing can be said to be lost."""


NOTHING = Stored(frozenset())


class StoredDays:
    """Asks a lake's log, once for each version of a table. Safe in threads."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._lock = Lock()
        self._known: dict[str, tuple[int, Stored]] = {}

    def of(self, table: str) -> Stored:
        """What is there now; nothing where there is no such table. Raises LakeError, StoreError."""
        try:
            snapshot = self._tables.snapshot(table)
        except NoSuchTable:
            return NOTHING
        with self._lock:
            version, stored = self._known.get(table, (-1, NOTHING))
        if version == snapshot.version:
            return stored
        files = [file for file in snapshot.files() if file.name is None or file.name.source is not Source.STREAM]
        days = frozenset(day for file in files if file.name for day in file.name.held())
        found = Stored(days, told=all(file.name for file in files))
        with self._lock:
            self._known[table] = snapshot.version, found
        return found


class ShelfDays:
    """Lists an archive's folders, beside whoever asks: a page does not wait for a bucket. Safe in threads."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, tuple[datetime, Stored | None]] = {}

    def of(self, table: str) -> Stored | None:
        """What was listed last; None before that. Has it listed anew where that is long ago."""
        now = self._clock.now()
        with self._lock:
            listed_at, stored = self._known.get(table, (None, None))
            if listed_at is None or now - listed_at > LISTED_AGAIN:
                self._known[table] = now, stored
                Thread(target=self._look, args=(table,), name="shelf", daemon=True).start()
        return stored

    def look(self, table: str) -> Stored:
        """What the store lists now. Raises StoreError."""
        stored = Stored(frozenset(shelf(self._store, LAKE_DATASETS[table]).files))
        with self._lock:
            self._known[table] = self._clock.now(), stored
        return stored

    def _look(self, table: str) -> None:
        try:
            self.look(table)
        except ForebayError as error:  # what was listed before stays
            log.warning("archive_not_listed", table=table, error=str(error))


@dataclass(frozen=True, slots=True)
class StoredPlaces:
    """The same by a calendar's places."""

    places: Sequence[int]
    told: bool
    _before: Sequence[int]

    def lost(self, first: int, last: int) -> bool:
        """Whether no file holds any place from `first` to `last`."""
        return self.told and self._before[last + 1] == self._before[first]


@lru_cache(maxsize=64)
def places_of(stored: Stored, sessions: Sessions) -> StoredPlaces:
    """Dates that are no sessions of the calendar are left out."""
    there = [day in stored.days for day in sessions.days]
    places = [place for place, held in enumerate(there) if held]
    return StoredPlaces(places, stored.told, [0, *accumulate(there)])
