"""A lake in a bucket: a conditional put decides who commits, and nothing goes that another writer may still need."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import Any

from forebay.clock import Clock
from forebay.errors import ForebayError, LakeError
from forebay.lake.home.engines import delta_options, polars_arguments
from forebay.lake.home.home import Conflict, Held, next_step
from forebay.lake.home.lock import WAIT_SECONDS, busy
from forebay.stores.bucket import Bucket
from forebay.stores.client import Timeouts
from forebay.stores.conditional import Probe
from forebay.stores.disk import storage_errors
from forebay.stores.refusals import Refusals
from forebay.stores.s3 import S3Store
from forebay.stores.store import Stored
from forebay.stores.upload import upload
from forebay.stores.wire import answer, of_the_wire, reason

_SETTLING = timedelta(days=1)
"""More than a month of ticks takes to be uploaded and committed, and clocks to differ."""


@dataclass(frozen=True)
class Place:
    """What a lake's own home and those of its tables share."""

    bucket: Bucket
    store: S3Store
    timeouts: Timeouts
    probe: Probe
    refusals: Refusals
    turns: dict[str, Lock] = field(default_factory=dict)
    """One writer of a table at a time within this process: they would only meet each other's conflicts."""


class BucketHome:
    """A `Home` in a bucket whose conditional put is proved before anything is written. Safe in threads."""

    def __init__(self, place: Place, prefix: str = "") -> None:
        self._place, self._store, self._prefix = place, place.store, prefix

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`."""
        return f"{self._store.address}/{self._prefix}".rstrip("/")

    def __repr__(self) -> str:
        return f"BucketHome({self.uri!r})"

    @property
    def options(self) -> dict[str, str]:
        """With the keys that are valid now."""
        return delta_options(self._place.bucket, self._place.timeouts)

    @property
    def reading(self) -> Mapping[str, Any]:
        """With a function that has the keys when they are needed."""
        return polars_arguments(self._place.bucket, self._place.timeouts)

    @property
    def settling(self) -> timedelta:
        """A day: another process may be between the upload of its files and their commit."""
        return _SETTLING

    def table(self, name: str) -> BucketHome:
        """The home of a table; it shares connections and the probe's answer."""
        return BucketHome(self._place, f"{self._prefix}{name}/")

    def source(self, path: str) -> str:
        """The object's `s3://` address."""
        return f"{self.uri}/{path}"

    def make(self) -> None:
        """Nothing is to be made in a bucket, but it must be able to take commits."""
        self._place.probe()

    def check(self) -> None:
        """Ask the store anew whether it honours conditional puts."""
        self._place.probe.again()

    def is_there(self) -> bool:
        """Whether any object is at this place."""
        return next(iter(self._store.list(self._prefix)), None) is not None

    def read(self, path: str) -> bytes | None:
        """The object's bytes by one request; None when there is none."""
        return self._store.fetch(self._prefix + path)

    def look(self, path: str) -> Held | None:
        """The object's size, time and ETag; None when there is none."""
        found = self._store.head(self._prefix + path)
        return self._held(found) if found else None

    def open(self, path: str) -> BufferedReader:
        """The object as it is now; a read raises ObjectChanged once it is another."""
        found = self._store.head(self._prefix + path)
        if found is None:
            raise LakeError(f"{self.source(path)} is not there", remedy="run `forebay lake verify`")
        return self._store.seekable(found)

    def list(self, prefix: str = "") -> Iterator[Held]:
        """Every object below the folder `prefix`."""
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        return (self._held(found) for found in self._store.list(self._prefix + folder))

    def place(self, staged: Path, path: str) -> None:
        """Upload the file, compare what arrived with what was sent, and remove it here."""
        with storage_errors(staged):
            upload(self._store, staged, self._prefix + path)
            staged.unlink()

    def create(self, path: str, data: bytes) -> None:
        """A put with the condition that there is nothing."""
        self._place.probe()
        if not self._store.create(self._prefix + path, data):
            raise Conflict(f"{self.uri}: another writer committed first")

    def remove(self, paths: Iterable[str]) -> None:
        """Remove objects; a bucket with versions keeps them as earlier ones."""
        for path in paths:
            self._store.hide(self._prefix + path)

    def give_up(self, before: datetime) -> int:
        """End uploads in parts that were begun before then, and never ended."""
        old = [each for each in self._store.uploads(self._prefix) if each.begun_at < before]
        for each in old:
            self._store.abort(each)
        return len(old)

    @contextmanager
    def writer(self, clock: Clock) -> Iterator[None]:  # noqa: ARG002 - a thread waits for a thread
        """A turn among the writers of this process; those of others are met at the commit."""
        self._place.probe()
        turn = self._place.turns.setdefault(self._prefix, Lock())
        if not turn.acquire(timeout=WAIT_SECONDS):
            raise busy(self.uri)
        try:
            yield
        finally:
            turn.release()

    def tidy(self, held: Callable[[], Container[str]]) -> None:
        """Nothing: what looks left over may be another writer's, about to be committed."""

    def explain(self, error: Exception) -> ForebayError:
        """As the store's own refusals are explained; nothing of an answer's body, which can repeat a key."""
        told: ForebayError
        if of_the_wire(error):
            told = self._place.refusals.error(answer(error), self._prefix.rstrip("/"))
        else:
            remedy = next_step(error, "run `forebay doctor`; nothing was changed")
            told = LakeError(f"{self.uri}: {reason(error)}", remedy=remedy)
        told.__cause__ = LakeError(f"{type(error).__name__}: {reason(error)}")
        return told

    def _held(self, found: Stored) -> Held:
        path = found.key.removeprefix(self._prefix)
        return Held(path, found.size, found.modified, f"{found.etag} {found.modified}")


def bucket_home(bucket: Bucket, clock: Clock, *, timeouts: Timeouts | None = None) -> BucketHome:
    """The home of a lake in a bucket. Nothing is connected yet."""
    timeouts = timeouts or Timeouts()
    store = S3Store(bucket, clock, timeouts=timeouts)
    return BucketHome(Place(bucket, store, timeouts, Probe(store, clock), Refusals(bucket, clock)))
