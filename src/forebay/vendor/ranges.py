"""A flat file as a stream: parts of it read side by side, each resumed where it was cut, all of one revision."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Self

import obstore
from obstore.store import S3Store

from forebay.clock import Clock
from forebay.errors import ForebayError, RevisionChanged, VendorUnavailable
from forebay.model.partition import Revision
from forebay.vendor.backoff import Backoff
from forebay.vendor.bucket import FAILURES, refusal, safe_cause

PART_BYTES = 8 * 2**20
PARTS_AHEAD = 4
"""Parts in memory besides the one in the reader's hands: some 40 MB for a file of any size."""


def quoted(etag: str) -> str:
    """An ETag as HTTP writes it."""
    return etag if etag.startswith("W/") else f'"{etag}"'


class PartReader:
    """Reads ranges of one revision of one object. Safe to use from several threads."""

    def __init__(self, store: S3Store, key: str, revision: Revision, clock: Clock, backoff: Backoff) -> None:
        self._store = store
        self._key = key
        self._revision = revision
        self._clock = clock
        self._backoff = backoff
        self._stopped = Event()

    def stop(self) -> None:
        """Let reads that are under way end soon, with less than was asked."""
        self._stopped.set()

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`. Raises RevisionChanged, VendorUnavailable and what `refusal` makes."""
        part = bytearray()
        failures = 0
        while not self._stopped.is_set():
            before = len(part)
            try:
                self._receive(part, start, end)
                if len(part) == end - start:
                    break
                failure: ForebayError = VendorUnavailable(f"{self._key} broke off at byte {start + len(part)}")
            except FAILURES as error:
                failure = refusal(error, self._key)
                failure.__cause__ = safe_cause(error)
            failures = failures + 1 if len(part) == before else 1
            if not isinstance(failure, VendorUnavailable) or failures >= self._backoff.attempts:
                raise failure
            self._clock.sleep(self._backoff.wait(failures))
        return bytes(part)

    def _receive(self, part: bytearray, start: int, end: int) -> None:
        """Append to `part` what is missing of it, as far as the connection lasts."""
        etag = quoted(self._revision.etag) if self._revision.etag else None
        answer = obstore.get(self._store, self._key, options={"range": (start + len(part), end), "if_match": etag})
        self._check(answer.meta["size"], answer.meta["e_tag"])
        for chunk in answer.stream(min_chunk_size=1):  # as they come: a larger chunk that is cut would be lost
            part += chunk
            if self._stopped.is_set():
                return

    def _check(self, size: int, etag: str | None) -> None:
        same_etag = not self._revision.etag or (etag or "").strip('"') == self._revision.etag
        if size != self._revision.size or not same_etag:
            raise RevisionChanged(
                f"{self._key} is not the file that was listed: {size} bytes instead of {self._revision.size}",
                remedy="Look at the listing again and read the new revision.",
            )


class FileStream(Iterator[bytes]):
    """The bytes of one revision of a file, in order, in chunks of up to `part_bytes`. Close it, or use `with`.

    It ends only after `revision.size` bytes; everything else raises. Raises RevisionChanged when the vendor
    replaces the file meanwhile, NotEntitled, FileNotFound, WrongKey, and VendorUnavailable after a few attempts.
    """

    def __init__(self, reader: PartReader, revision: Revision, part_bytes: int = PART_BYTES) -> None:
        self.revision = revision
        self._reader = reader
        self._starts = iter(range(0, revision.size, part_bytes))
        self._part_bytes = part_bytes
        self._pool = ThreadPoolExecutor(PARTS_AHEAD, thread_name_prefix="flatfile")
        self._parts: deque[Future[bytes]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        """The next chunk."""
        while len(self._parts) < PARTS_AHEAD and (start := next(self._starts, None)) is not None:
            end = min(start + self._part_bytes, self.revision.size)
            self._parts.append(self._pool.submit(self._reader.read, start, end))
        if not self._parts:
            self.close()
            raise StopIteration
        try:
            return self._parts.popleft().result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop reading ahead. Can be called twice."""
        self._reader.stop()
        self._starts = iter(range(0))
        self._parts.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
