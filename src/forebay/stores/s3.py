"""A bucket as a store: Backblaze B2, AWS S3 or another server with S3's protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from io import BufferedReader
from typing import TYPE_CHECKING, TypedDict

import obstore
from obstore.exceptions import PermissionDeniedError

from forebay.clock import Clock
from forebay.errors import ObjectChanged, StoreError, StoreUnavailable
from forebay.stores.backoff import Backoff
from forebay.stores.boto import Boto
from forebay.stores.bucket import Bucket
from forebay.stores.client import Timeouts, client
from forebay.stores.conditional import refused
from forebay.stores.labels import as_tags
from forebay.stores.outgoing import counted, send
from forebay.stores.ranges import Failures, PartReader, RangedStream, State
from forebay.stores.refusals import Refusals, Refused
from forebay.stores.seekable import READ_AHEAD, Ranges
from forebay.stores.store import Labels, Stored, Upload
from forebay.stores.wire import FAILURES, Answer, answer, safe_cause

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta, PutResult  # the type stubs', not there at run time

_MIB = 2**20
_SMALLEST_PART = 8 * _MIB
_MOST_PARTS = 9000
"""Of the 10,000 that S3 allows."""
_PARTS_IN_FLIGHT = 3
_COPY_LIMIT = 5 * 2**30
"""The largest object that S3 copies by one request."""
_PAGE = 1000
"""Keys in one answer to a listing, the protocol's maximum."""
_NO_CONDITION = ("400", "405", "501")
_NO_HEADER = ("", "NotImplemented", "InvalidArgument", "InvalidRequest", "MethodNotAllowed")
"""How stores say that they do not know a header; B2 answers 501 NotImplemented or 400 InvalidArgument."""
_TRIES = 3
_TRY_AGAIN = ("", "409", "412")
"""No answer, or another put of the same key under way, which then failed."""
_OURS = ".forebay/"
_NOT_OURS = frozenset(
    ("Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Storage-Class")
)
"""What the library shows beside the metadata that was given."""


class Spoiled(StoreUnavailable):
    """An object did not arrive as it was sent; it was taken back where the keys allow that."""


class _Said(TypedDict):
    """What goes along with an upload, as the library names it."""

    attributes: dict[str, str]
    tags: dict[str, str]


class S3Store:
    """A `Store` in a bucket. Safe to use from several threads.

    Sends no checksum headers, no conditions and, unless it is given some, no tags with an upload, for B2 refuses those.
    Uploads hold up to _PARTS_IN_FLIGHT parts in memory. Nothing is connected before the first request.
    """

    def __init__(
        self, bucket: Bucket, clock: Clock, *, timeouts: Timeouts | None = None, copy_limit: int = _COPY_LIMIT
    ) -> None:
        timeouts = timeouts or Timeouts()
        self._bucket = bucket
        self._clock = clock
        self._refusals = Refusals(bucket, clock)
        self._reading = client(bucket, timeouts, writes=False)
        self._writing = client(bucket, timeouts, writes=True)
        self._boto = Boto(bucket, timeouts, self._refusals)
        self._copy_limit = copy_limit

    @property
    def address(self) -> str:
        """`s3://bucket/prefix`."""
        return self._bucket.address

    @property
    def carries_metadata(self) -> bool:
        """It does."""
        return True

    @cached_property
    def keeps_versions(self) -> bool:
        """B2 always does; another store is asked, once."""
        return self._bucket.is_b2 or self._boto.versioned()

    def head(self, key: str) -> Stored | None:
        """The object with its metadata; None when there is none."""
        try:
            with self._asking(key):
                found = self._look(self._bucket.path(key))
                metadata = {name: value for name, value in found.attributes.items() if name not in _NOT_OURS}
                return self._stored(found.meta, metadata)
        except ObjectChanged:
            return None

    def fetch(self, key: str) -> bytes | None:
        """A small object's bytes, by one request; None when there is none."""
        try:
            with self._asking(key):
                return bytes(obstore.get(self._reading, self._bucket.path(key)).bytes())
        except ObjectChanged:
            return None

    def seekable(self, stored: Stored) -> BufferedReader:
        """Exactly this state of the object, to be read here and there. To be closed."""
        return BufferedReader(Ranges(self._reader(stored), stored.size), READ_AHEAD)

    def open(self, stored: Stored, start: int = 0) -> RangedStream:
        """The bytes of exactly this state of the object, in parts that are read side by side."""
        return RangedStream(self._reader(stored), stored.size, start)

    def _reader(self, stored: Stored) -> PartReader:
        state = State(self._bucket.path(stored.key), stored.size, stored.etag)
        failures = Failures(self._refused, self._broken_off, self._changed, StoreUnavailable)
        return PartReader(self._reading, state, failures, self._clock, Backoff())

    def put(self, key: str, data: bytes, metadata: Labels, tags: Labels | None = None) -> None:
        """Store a small object by one request, and compare what the store says it received.

        It is never seen without its tags, which are `as_tags` has them. Raises Refused when the store takes none.
        """
        path, said = self._bucket.path(key), _said(metadata, tags)
        with self._asking(key):
            done = obstore.put(self._writing, path, data, **said, use_multipart=False)
        etag = (done["e_tag"] or "").strip('"')
        if etag != hashlib.md5(data, usedforsecurity=False).hexdigest():
            self._compare(key, data, done["version"])

    def create(self, key: str, data: bytes) -> bool:
        """Store a small object if there is none of that key yet; whether it is now there with these bytes.

        An answer that was lost is made good by a look. Raises Unconditional when the store refuses the condition.
        """
        path, failures = self._bucket.path(key), 0
        while True:
            try:
                obstore.put(self._writing, path, data, mode="create", use_multipart=False)
            except FAILURES as error:
                if (found := self._found_instead(key, answer(error), error)) is not None:
                    return found == data
                failures += 1
                if failures >= _TRIES:
                    raise self._refused(error, path) from safe_cause(error)
                self._clock.sleep(Backoff().wait(failures))
            else:
                return True

    def _found_instead(self, key: str, said: Answer, error: Exception) -> bytes | None:
        """What is at `key` after a put with a condition failed; None when nothing is and it may be tried again."""
        if said.status in _NO_CONDITION and said.code in _NO_HEADER:
            raise refused(self.address, f"{said.status} {said.code}".strip()) from safe_cause(error)
        found = self.fetch(key)
        if found is None and said.status not in _TRY_AGAIN:
            raise self._refused(error, self._bucket.path(key)) from safe_cause(error)
        return found

    def put_stream(
        self, key: str, chunks: Iterable[bytes], size: int, metadata: Labels, tags: Labels | None = None
    ) -> None:
        """Store `size` bytes as they come, in parts; what fits in one part is stored by one request. Tags as for `put`.

        Raises CheckFailed when they are more or fewer, StoreUnavailable also when it is not known whether the last
        request was heard: look before trying again.
        """
        outgoing, part = counted(chunks, size, key), part_bytes(size)
        if size <= part:
            self.put(key, b"".join(outgoing), metadata, tags)
            return
        said = _said(metadata, tags)
        done = send(outgoing, lambda feed: self._upload(key, feed, part, said))
        found = self.head(key)
        if found is None or found.size != size:
            self._take_back(key, done["version"])

    def _upload(self, key: str, chunks: Iterator[bytes], part: int, said: _Said) -> PutResult:
        with self._asking(key):
            return obstore.put(
                self._writing,
                self._bucket.path(key),
                chunks,
                **said,
                use_multipart=True,
                chunk_size=part,
                max_concurrency=_PARTS_IN_FLIGHT,
            )

    def tags(self, key: str) -> dict[str, str]:
        """An object's tags. Raises ObjectChanged when there is no object, Refused when the store does not tell them."""
        return self._boto.tags(self._bucket.path(key))

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store, metadata included. Raises ObjectChanged when there is none."""
        found = self.head(source)
        if found is None:
            raise self._changed(0, self._bucket.path(source))
        path, copied = self._bucket.path(source), self._bucket.path(target)
        if found.size > self._copy_limit:
            self._boto.copy(path, copied, found.metadata)
            return
        with self._asking(source):
            obstore.copy(self._writing, path, copied)

    def delete(self, key: str) -> None:
        """Remove an object, every version of it; nothing happens when there is none."""
        self._boto.delete(self._bucket.path(key), versions=self.keeps_versions)

    def hide(self, key: str) -> None:
        """Remove an object from listings; earlier versions of it stay where the bucket keeps them."""
        self._boto.delete(self._bucket.path(key), versions=False)

    def uploads(self, prefix: str = "") -> list[Upload]:
        """Uploads under way, or abandoned by a process that was killed."""
        found = self._boto.uploads(self._bucket.path(prefix))
        return [Upload(self._bucket.key(upload.key), upload.upload_id, upload.begun_at) for upload in found]

    def abort(self, upload: Upload) -> None:
        """End an upload; whoever still writes to it fails. Nothing happens when it is over already."""
        self._boto.abort(self._bucket.path(upload.key), upload.upload_id)

    def list(self, prefix: str = "", after: str = "") -> Iterator[Stored]:
        """Every object whose key starts with `prefix` and sorts after `after`, in the order of keys.

        What Forebay keeps for itself under `.forebay/` is shown only when `prefix` begins with it.
        """
        with self._asking(prefix):
            for meta in self._metas(prefix, after):
                stored = self._stored(meta)
                if not stored.key.startswith(prefix):
                    if stored.key > prefix:
                        return
                elif not stored.key.startswith(_OURS) or prefix.startswith(_OURS):
                    yield stored

    def _look(self, path: str) -> GetResult:
        try:
            return obstore.get(self._reading, path, options={"head": True})
        except PermissionDeniedError:  # an answer to HEAD has no body to say why: a cap, or the keys
            obstore.get(self._reading, path, options={"range": (0, 1)})
            raise

    def _metas(self, prefix: str, after: str) -> Iterator[ObjectMeta]:
        """The library lists whole folders: that of `prefix`, from just before it on."""
        folder = self._bucket.path(prefix).rpartition("/")[0]
        offset = self._bucket.path(max(after, prefix[:-1]))
        pages = obstore.list(self._reading, folder or None, offset=offset or None, chunk_size=_PAGE)
        return (meta for page in pages for meta in page)

    def _stored(self, meta: ObjectMeta, metadata: Mapping[str, str] | None = None) -> Stored:
        modified: datetime = meta["last_modified"].astimezone(UTC).replace(microsecond=0)
        key, etag = self._bucket.key(meta["path"]), (meta["e_tag"] or "").strip('"')
        return Stored(key, meta["size"], etag, modified, metadata or {})

    def _compare(self, key: str, data: bytes, version: str | None) -> None:
        """Read a small object back: stores with keys of their own for encryption give other ETags than the MD5."""
        found = self.head(key)
        if found is None or found.size != len(data) or b"".join(self.open(found)) != data:
            self._take_back(key, version)

    def _take_back(self, key: str, version: str | None) -> None:
        """Remove what was stored just now, and nothing else: earlier versions of the object may be good ones."""
        spoiled = f"{self.address}/{key} did not arrive as it was sent"
        try:
            self._boto.take_back(self._bucket.path(key), version)
        except Refused as error:
            raise Spoiled(f"{spoiled} and is still there ({error.said})", remedy="Remove it; try again.") from error
        raise Spoiled(spoiled, remedy="Try again.")

    @contextmanager
    def _asking(self, key: str) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise self._refused(error, self._bucket.path(key)) from safe_cause(error)

    def _refused(self, error: Exception, path: str) -> StoreError:
        return self._refusals.error(answer(error), self._bucket.key(path))

    def _broken_off(self, at: int, path: str) -> StoreUnavailable:
        return StoreUnavailable(f"{self.address}/{self._bucket.key(path)} broke off at byte {at}")

    def _changed(self, _: int, path: str) -> ObjectChanged:
        return ObjectChanged(f"{self.address}/{self._bucket.key(path)} is gone or was replaced", remedy="Look again.")


def _said(metadata: Labels, tags: Labels | None) -> _Said:
    return {"attributes": dict(metadata), "tags": as_tags(tags or {})}


def part_bytes(size: int) -> int:
    """How large the parts of an upload are: whole MiB, and few enough for any size S3 takes."""
    return max(_SMALLEST_PART, -(-size // (_MOST_PARTS * _MIB)) * _MIB)
