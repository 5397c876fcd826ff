"""The flat files as objects: which keys exist at a moment, and the bytes and marks of each. Nothing here speaks S3."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import md5

from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import DATASETS, Dataset, Kind
from forebay.sandbox.cache import BoundedCache
from forebay.sandbox.content import Content, size_of
from forebay.sandbox.csvfile import day_table, render
from forebay.sandbox.defects import Defect
from forebay.sandbox.market import Market
from forebay.sandbox.ownfiles import OwnFiles
from forebay.sandbox.stored import Marks, Stored

_PUBLISHED_AT = {Kind.BARS_1M: time(23, 30)}
_USUALLY_AT = time(22, 0)
"""New York time on the session's own evening: minute files come last (flat files, section 6)."""
_KEPT_BYTES = 192 * 1024 * 1024
_KEPT_MARKS = 50_000


def published_at(dataset: Dataset, day: date) -> datetime:
    """When the sandbox publishes a day's file, in UTC."""
    evening = datetime.combine(day, _PUBLISHED_AT.get(dataset.kind, _USUALLY_AT), NEW_YORK)
    return evening.astimezone(UTC)


def dataset_of(key: str) -> tuple[Dataset, date] | None:
    """The dataset and session date that a key names; None for any other key."""
    dataset = DATASETS.get("/".join(key.split("/")[:2]))
    day = dataset.day_of(key) if dataset else None
    return (dataset, day) if dataset and day else None


class Bucket:
    """Every day file of the market; `own` files come before those that are made, or beside them."""

    def __init__(self, market: Market, own: OwnFiles | None = None) -> None:
        self.market = market
        self._own = own
        self._bodies: BoundedCache[Stored] = BoundedCache(_KEPT_BYTES, lambda stored: size_of(stored.body))
        self._marks: BoundedCache[Marks] = BoundedCache(_KEPT_MARKS, lambda _: 1)

    def days(self, dataset: Dataset, now: datetime) -> list[date]:
        """The session dates whose file is there at `now`, oldest first."""
        today = now.astimezone(NEW_YORK).date()
        sessions = self.market.sessions(dataset.asset_class, dataset.first_date, today)
        while sessions and published_at(dataset, sessions[-1]) > now:
            sessions.pop()
        return sorted({*sessions, *self._own.days(dataset)}) if self._own else sessions

    def keys(self, now: datetime, prefix: str, after: str) -> Iterator[tuple[str, Dataset, date]]:
        """(key, dataset, date) of every object at `now` with the prefix `prefix`, sorted, those after `after`."""
        for name in sorted(DATASETS):
            dataset = DATASETS[name]
            if not (name.startswith(prefix) or prefix.startswith(f"{name}/")) or after[: len(name)] > name:
                continue
            days = self.days(dataset, now)
            first = bisect_left([dataset.key(day) for day in days], max(after, prefix))
            for day in days[first:]:
                key = dataset.key(day)
                if not key.startswith(prefix):
                    break
                if key > after:
                    yield key, dataset, day

    def newest(self, dataset: Dataset, now: datetime) -> date:
        """The session date of its newest file; the day before the market's start when there is none."""
        days = self.days(dataset, now)
        return days[-1] if days else self.market.start - timedelta(days=1)

    def stored(self, dataset: Dataset, day: date, defects: Sequence[Defect] = ()) -> Stored:
        """The object as it is now; `defects` spoil its rows first."""
        own = self._own_file(dataset, day)
        if own is not None:
            return _marred(own, defects)
        return self._bodies.get(self._state(dataset, day, defects), lambda: self._make(dataset, day, defects))

    def marks(self, dataset: Dataset, day: date, defects: Sequence[Defect] = ()) -> Marks:
        """Its ETag, size and date. The first time this makes the file; the bytes may be forgotten, these are kept."""
        own = self._own_file(dataset, day)
        if own is not None:
            return _marred(own, defects).marks
        state = self._state(dataset, day, defects)
        return self._marks.get(state, lambda: self.stored(dataset, day, defects).marks)

    def work(self, dataset: Dataset, day: date, defects: Sequence[Defect] = ()) -> int:
        """How many cells must be computed before `marks` can answer; 0 when it can at once."""
        if self._state(dataset, day, defects) in self._marks or self._own_file(dataset, day):
            return 0
        return len(self.market.instruments(dataset.asset_class, day))

    def _own_file(self, dataset: Dataset, day: date) -> Stored | None:
        revision = self.market.revision(dataset.asset_class, day)
        return self._own.find(dataset, day, revision) if self._own else None

    def _state(self, dataset: Dataset, day: date, defects: Sequence[Defect]) -> tuple[object, ...]:
        revision = self.market.revision(dataset.asset_class, day)
        return dataset.name, day, revision, tuple(defect.name for defect in defects)

    def _make(self, dataset: Dataset, day: date, defects: Sequence[Defect]) -> Stored:
        table = day_table(self.market, dataset, day)
        for defect in defects:
            table = defect.spoiled(table, dataset, day)
        body: Content = render(dataset, day, table)
        for defect in defects:
            body = defect.mar(body) if defect.mar else body
        revision = self.market.revision(dataset.asset_class, day)
        modified = published_at(dataset, day) + timedelta(hours=revision)
        assert isinstance(body, bytes)
        etag = md5(body, usedforsecurity=False).hexdigest()
        return Stored(body, f'"{etag}"', modified)


def _marred(stored: Stored, defects: Sequence[Defect]) -> Stored:
    """A file on disk with its bytes spoiled and another ETag; defects of rows leave it as it is."""
    for defect in defects:
        if defect.mar:
            stored = replace(stored, body=defect.mar(stored.body), etag=f'{stored.etag[:-1]}-{defect.name}"')
    return stored
