"""The vendor's bucket of flat files: what is published, in which revision, and the bytes of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import obstore

from forebay.clock import Clock
from forebay.errors import VendorUnavailable
from forebay.model.catalogue import Dataset
from forebay.model.partition import Revision
from forebay.stores.backoff import Backoff, Jitter
from forebay.stores.ranges import PART_BYTES, Failures, PartReader, RangedStream, State
from forebay.stores.wire import FAILURES, safe_cause
from forebay.telemetry.tracing import span
from forebay.vendor.bucket import BucketTimeouts, broken_off, bucket, refusal, replaced

if TYPE_CHECKING:
    from obstore import ObjectMeta  # a type stub's, not there at run time

T = TypeVar("T")

_LISTING_PAGE = 1000
"""Keys in one answer to a listing, the protocol's maximum."""
_DAY = timedelta(days=1)
_FAILURES_OF_PARTS = Failures(refusal, broken_off, replaced, VendorUnavailable)


@dataclass(frozen=True, slots=True)
class Published:
    """One file as a listing shows it."""

    day: date
    key: str
    revision: Revision


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a dataset between two days, sorted by day."""

    files: tuple[Published, ...]
    unknown_keys: int = 0
    """Keys there that are not of the form of the dataset's keys; they are left alone."""

    def __iter__(self) -> Iterator[Published]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


class FlatFiles:
    """The bucket, read only. Safe to use from several threads.

    Methods raise WrongKey, NotEntitled and FileNotFound at once, VendorUnavailable after a few attempts.
    """

    def __init__(
        self,
        url: str,
        access_key: str,
        secret_key: str,
        clock: Clock,
        *,
        timeouts: BucketTimeouts | None = None,
        part_bytes: int = PART_BYTES,
        jitter: Jitter = random.random,
    ) -> None:
        self._store = bucket(url, access_key, secret_key, timeouts or BucketTimeouts())
        self._clock = clock
        self._backoff = Backoff(attempts=4, jitter=jitter)
        self._part_bytes = part_bytes

    def list(self, dataset: Dataset, start: date, end: date) -> Listing:
        """The dataset's files from `start` to `end`, both included, by as few requests as the protocol allows."""
        last = dataset.key(end)
        metas: Sequence[ObjectMeta]
        files: dict[date, Published] = {}
        offset, unknown = dataset.key(start - _DAY), 0
        while offset < last:
            metas = self._page(_common_prefix(dataset, start, end), offset)
            for meta in metas:
                day = dataset.day_of(meta["path"])
                unknown += day is None
                if day is not None and start <= day <= end:
                    files[day] = Published(day, meta["path"], _revision(meta))
            if len(metas) < _LISTING_PAGE:
                break
            offset = metas[-1]["path"]
        return Listing(tuple(files[day] for day in sorted(files)), unknown)

    def head(self, key: str) -> Revision:
        """The present revision of an object. A refusal says nothing of its reason here: NotEntitled is a guess."""
        return _revision(self._asking(key, lambda: obstore.head(self._store, key)))

    def open(self, key: str, revision: Revision, start: int = 0) -> RangedStream:
        """The bytes of exactly this revision from `start` on. Nothing is asked before the first chunk is.

        It ends only after `revision.size` bytes. Raises RevisionChanged when the vendor replaces the file meanwhile.
        """
        state = State(key, revision.size, revision.etag)
        reader = PartReader(self._store, state, _FAILURES_OF_PARTS, self._clock, self._backoff)
        return RangedStream(reader, revision.size, start, self._part_bytes)

    def _page(self, prefix: str, offset: str) -> Sequence[ObjectMeta]:
        """Up to a thousand keys under `prefix` after `offset`, in the order of keys."""

        def ask() -> Sequence[ObjectMeta]:
            return next(iter(obstore.list(self._store, prefix, offset=offset, chunk_size=_LISTING_PAGE)), ())

        return self._asking(prefix, ask, listing=True)

    def _asking(self, key: str, ask: Callable[[], T], *, listing: bool = False) -> T:
        failures = 0
        while True:
            try:
                with span("vendor call", {"url.path": key, "forebay.listing": listing}):
                    return ask()
            except FAILURES as error:
                failure = refusal(error, key, listing=listing)
                failures += 1
                if not isinstance(failure, VendorUnavailable) or failures >= self._backoff.attempts:
                    raise failure from safe_cause(error)
            self._clock.sleep(self._backoff.wait(failures))


def _common_prefix(dataset: Dataset, start: date, end: date) -> str:
    """The narrowest folder that holds both days."""
    if (start.year, start.month) == (end.year, end.month):
        return f"{dataset.name}/{start:%Y/%m}"
    return f"{dataset.name}/{start:%Y}" if start.year == end.year else dataset.name


def _revision(meta: ObjectMeta) -> Revision:
    """A listing has milliseconds, an object's own answer has seconds; ETags come with and without quotes."""
    modified: datetime = meta["last_modified"].astimezone(UTC).replace(microsecond=0)
    return Revision((meta["e_tag"] or "").strip('"'), meta["size"], modified)
