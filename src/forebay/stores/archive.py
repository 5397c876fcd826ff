"""The archive: the vendor's files under the vendor's keys, each with a receipt of what was proved of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from structlog import get_logger

from forebay.errors import ObjectChanged
from forebay.failpoints import reach
from forebay.model.partition import Revision
from forebay.stores.receipt import Receipt, from_json, from_metadata, marked, marks_of, to_json, to_metadata
from forebay.stores.store import ByteStream, Store, Stored

RECEIPTS = ".forebay/receipts"
REVISIONS = ".forebay/revisions"
DAMAGED = ".forebay/damaged"
"""Where files that are not what was recorded are kept, under their keys."""
ONE_PUT_BYTES = 8 * 2**20
"""Up to here a file is stored by one request, with its receipt; larger ones go in parts, with the receipt beside."""
_METADATA_BYTES = 1800
"""Of the 2 KB that S3 allows."""
_OURS_UNDER_WAY = timedelta(hours=1)
_OURS = re.compile(r"\.forebay/\w+/(.+?\.csv\.gz)(?:[./].*)?")

log = get_logger()


@dataclass(frozen=True, slots=True)
class Held:
    """A file of the archive."""

    key: str
    stored: Stored
    receipt: Receipt | None
    """None: it is there, and nothing was proved of it."""

    def is_revision(self, revision: Revision) -> bool:
        """Whether it is proved to be this revision."""
        return self.receipt is not None and self.receipt.revision == revision


class Archive:
    """Flat files in one store. Safe to use from several threads. Raises what `Store` raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def address(self) -> str:
        """Where it is, without secrets."""
        return self.store.address

    def find(self, key: str) -> Held | None:
        """The file under a vendor's key, whichever revision it is; None when there is none."""
        stored = self.store.head(key)
        return None if stored is None else Held(key, stored, self._receipt_of(stored))

    def receipt(self, key: str) -> Receipt | None:
        """What was proved of the file that is there; None for none, or when nothing was."""
        held = self.find(key)
        return held.receipt if held else None

    def open(self, key: str, revision: Revision, start: int = 0) -> ByteStream:
        """The bytes of exactly this revision, from `start` on. Raises ObjectChanged when the archive lacks it."""
        held = self.find(key)
        if held is None or not held.is_revision(revision):
            raise ObjectChanged(
                f"{self.address} does not hold the listed revision of {key}",
                remedy="list the vendor and archive the file again",
            )
        return self.store.open(held.stored, start)

    def receive(
        self,
        key: str,
        revision: Revision,
        chunks: Iterable[bytes],
        receipt: Callable[[], Receipt],
        before: Held | None = None,
        *,
        was_here: bool = False,
    ) -> Receipt:
        """Take a file; it is visible only after `receipt()`, which is called once after the last chunk, returned.

        What `chunks` and `receipt` raise comes through, and then nothing is visible. `before` is what `find` says is
        there now; another revision is kept. `was_here`: it was held before and may be set aside, so that the earlier
        revisions it replaced are still to be told.
        """

        def prove() -> Receipt:
            if before:
                return self._keep(before, receipt())
            return _telling(receipt(), _replaced(self._read(_beside(key)))) if was_here else receipt()

        take = self._put if self.store.carries_metadata and revision.size <= ONE_PUT_BYTES else self._stream
        proved = take(key, revision, chunks, prove)
        reach("mirror.visible")
        return proved

    def record(self, key: str, receipt: Receipt) -> Held:
        """Let `receipt` speak for the object that is there already. Raises ObjectChanged when there is none."""
        stored = self.store.head(key)
        if stored is None:
            raise ObjectChanged(f"{self.address} has no {key}")
        adopted = replace(receipt, details={**receipt.details, "adopted": _state(stored)})
        self._write(_beside(key), adopted)
        return Held(key, stored, adopted)

    def kept(self, key: str) -> Sequence[dict[str, Any]]:
        """The earlier revisions of a file, oldest first: `etag`, `size`, `last_modified`, `kept_as`."""
        return _replaced(self.receipt(key))

    def set_aside(self, stored: Stored) -> None:
        """Move a file out of sight, to `.forebay/damaged/`, unless it was replaced since it was looked at."""
        now = self.store.head(stored.key)
        if now is None or _state(now) != _state(stored):
            return
        if carried := from_metadata(now.metadata):
            self._write(_beside(stored.key), carried)  # for the file that comes in its place
        self.store.copy(stored.key, f"{DAMAGED}/{stored.key}")
        self.store.hide(stored.key)  # earlier revisions may be versions of the same object

    def clear(self, key: str, size: int) -> None:
        """End what a dead predecessor left of a file of `size` bytes that was under way."""
        if self.store.carries_metadata and size <= ONE_PUT_BYTES:
            return  # one request leaves nothing
        for upload in self.store.uploads(key):
            if upload.key == key:
                self.store.abort(upload)

    def sweep(self, spare: Callable[[str], bool], now: datetime) -> int:
        """End every upload under way of keys that are not spared; how many.

        Receipts and copies are asked about by their file's key, after an hour: they take a moment, whoever writes them.
        """
        litter = [
            upload
            for upload in self.store.uploads()
            if not spare(subject := _subject(upload.key))
            and (subject == upload.key or now - upload.begun_at > _OURS_UNDER_WAY)
        ]
        for upload in litter:
            self.store.abort(upload)
        return len(litter)

    def _put(self, key: str, revision: Revision, chunks: Iterable[bytes], prove: Callable[[], Receipt]) -> Receipt:
        parts = list(chunks)
        final = prove()
        metadata = to_metadata(final)
        if sum(len(name) + len(value) for name, value in metadata.items()) > _METADATA_BYTES:
            self._write(_beside(key), final)
            metadata = marks_of(revision)
        reach("mirror.receipt")
        self.store.put(key, parts[0] if len(parts) == 1 else b"".join(parts), metadata)
        return final

    def _stream(self, key: str, revision: Revision, chunks: Iterable[bytes], prove: Callable[[], Receipt]) -> Receipt:
        final: list[Receipt] = []

        def proved() -> Iterator[bytes]:
            yield from chunks
            final.append(prove())
            self._write(_beside(key), final[0])
            reach("mirror.receipt")

        self.store.put_stream(key, proved(), revision.size, marks_of(revision))
        return final[0]

    def _keep(self, before: Held, receipt: Receipt) -> Receipt:
        """Put another revision aside that is there now; the receipt says so, and what those before it said."""
        replaced = _replaced(before.receipt or self._read(_beside(before.key)))
        told = _told(before)
        if not _is_same(before, receipt.revision) and not any(told.items() <= one.items() for one in replaced):
            replaced.append({**told, "kept_as": self._put_aside(before)})
            log.info("revision_replaced", key=before.key, kept_as=replaced[-1]["kept_as"])
            reach("mirror.kept")
        return _telling(receipt, replaced)

    def _put_aside(self, before: Held) -> str:
        """Copy the earlier revision and its receipt where the store itself would forget it; says where it is."""
        if self.store.keeps_versions:
            return "an earlier version in the bucket"
        told = _told(before)
        moment = told["last_modified"].replace(":", "").replace("-", "")[:15]
        mark = (before.receipt.sha256 if before.receipt else "") or before.stored.etag or "unread"
        target = f"{REVISIONS}/{before.key}/{moment}Z-{quote(told['etag'] or mark[:16], safe='')}"
        if before.receipt:
            self._write(_beside(target), before.receipt)
        self.store.copy(before.key, target)
        return target

    def _write(self, key: str, receipt: Receipt) -> None:
        self.store.put(key, to_json(receipt), {})

    def _read(self, key: str) -> Receipt | None:
        """The receipt under a key of ours; None where there is none that can be read."""
        stored = self.store.head(key)
        if stored is None:
            return None
        with self.store.open(stored) as chunks:
            data = b"".join(chunks)
        try:
            return from_json(data)
        except ValueError as error:
            log.warning("receipt_unreadable", key=key, reason=str(error))
            return None

    def _receipt_of(self, stored: Stored) -> Receipt | None:
        """With the object or beside it. One that speaks of another state of the object is none."""
        if carried := from_metadata(stored.metadata):
            return carried
        beside = self._read(_beside(stored.key))
        if beside is None or _belongs(beside, stored):
            return beside
        # its successor never became visible: its own receipt was put aside with the copy of it
        aside = (self._read(one.key) for one in self.store.list(f"{REVISIONS}/{stored.key}/") if _is_receipt(one))
        return next((receipt for receipt in aside if receipt and _belongs(receipt, stored)), None)


def _replaced(receipt: Receipt | None) -> list[dict[str, Any]]:
    return list(receipt.details.get("replaced", ())) if receipt else []


def _telling(receipt: Receipt, replaced: Sequence[dict[str, Any]]) -> Receipt:
    """The receipt with the earlier revisions that its file replaced."""
    return replace(receipt, details={**receipt.details, "replaced": replaced}) if replaced else receipt


def _beside(key: str) -> str:
    """Where the receipt of a file is that does not carry it."""
    return f"{key}.json" if key.startswith(f"{REVISIONS}/") else f"{RECEIPTS}/{key}.json"


def _subject(key: str) -> str:
    """The vendor's key of the file that a receipt or a copy of ours is about; any other key as it is."""
    found = _OURS.fullmatch(key)
    return found.group(1) if found else key


def _is_receipt(stored: Stored) -> bool:
    return stored.key.endswith(".json")


def _belongs(receipt: Receipt, stored: Stored) -> bool:
    """A receipt is written before its object is visible, so it may speak of one that never came."""
    if adopted := receipt.details.get("adopted"):
        return bool(adopted == _state(stored))
    revision = receipt.revision
    if stored.metadata:
        return marked(stored.metadata) == revision
    return not stored.etag and (stored.size, stored.modified) == (revision.size, revision.last_modified)


def _state(stored: Stored) -> dict[str, Any]:
    return {"etag": stored.etag, "size": stored.size, "modified": stored.modified.isoformat()}


def _is_same(before: Held, revision: Revision) -> bool:
    if before.receipt:
        return before.receipt.revision == revision
    stored = before.stored
    return (marked(stored.metadata) or Revision(revision.etag, stored.size, stored.modified)) == revision


def _told(before: Held) -> dict[str, Any]:
    """The earlier revision's marks: the vendor's if they are known, else the store's."""
    revision = before.receipt.revision if before.receipt else marked(before.stored.metadata)
    if revision is None:
        revision = Revision(before.stored.etag, before.stored.size, before.stored.modified)
    return {"etag": revision.etag, "size": revision.size, "last_modified": revision.last_modified.isoformat()}
