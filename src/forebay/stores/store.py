"""What every store can do, whichever it is: a folder, Backblaze B2, AWS S3 or another server with its protocol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from forebay.model.partition import Revision

Labels = Mapping[str, str]
"""Names and values that are said of an object: its metadata, or its tags."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One object, as a listing or a look at it shows it."""

    key: str
    """Below the store's prefix."""
    size: int
    etag: str
    """Opaque, without quotes; empty in a folder."""
    modified: datetime
    """UTC, whole seconds. In a folder the file's own time."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What was stored with it; a listing does not say, and a folder has none."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    begun_at: datetime
    """UTC."""


class ByteStream(Iterator[bytes], AbstractContextManager["ByteStream"], Protocol):
    """The bytes of one object in order. Close it, or use `with`."""

    def close(self) -> None:
        """Stop reading ahead. Can be called twice."""


class Files(Protocol):
    """Flat files by the vendor's key and revision: the vendor's bucket, or an archive of it."""

    def open(self, key: str, revision: Revision, start: int = 0) -> ByteStream:
        """The bytes of exactly this revision, from byte `start` on."""


class Store(Protocol):
    """Objects by key. Safe to use from several threads.

    Methods raise StoreUnavailable for what may pass, CapReached for a daily cap, StoreError for what concerns every
    object (no such bucket, no permission, a full disk).
    """

    @property
    def address(self) -> str:
        """`s3://bucket/prefix` or the folder's absolute path; the same for the same place, and without secrets."""

    @property
    def carries_metadata(self) -> bool:
        """Whether objects carry metadata of ours."""

    @property
    def keeps_versions(self) -> bool:
        """Whether an object that is replaced stays as an earlier version. The store may have to be asked."""

    def head(self, key: str) -> Stored | None:
        """The object with its metadata; None when there is none."""

    def open(self, stored: Stored, start: int = 0) -> ByteStream:
        """The bytes of exactly this state of the object, from byte `start` on. Nothing is asked before the first."""

    def put(self, key: str, data: bytes, metadata: Labels, tags: Labels | None = None) -> None:
        """Store a small object at once, with S3's tags where it can have some: ask a TagProbe first."""

    def put_stream(
        self, key: str, chunks: Iterable[bytes], size: int, metadata: Labels, tags: Labels | None = None
    ) -> None:
        """Store `size` bytes as they come. The object is visible only after `chunks` ended without raising.

        What `chunks` raises comes through, and then nothing was stored and nothing is left behind. Tags as for `put`.
        """

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store, metadata included; it is visible only whole."""

    def delete(self, key: str) -> None:
        """Remove an object, every version of it; nothing happens when there is none."""

    def hide(self, key: str) -> None:
        """Take an object out of sight: it stays as an earlier version where the store keeps those, else it is gone."""

    def uploads(self, prefix: str = "") -> list[Upload]:
        """Uploads under way, or abandoned by a process that was killed."""

    def abort(self, upload: Upload) -> None:
        """End an upload; whoever still writes to it fails. Nothing happens when it is over already."""

    def list(self, prefix: str = "", after: str = "") -> Iterator[Stored]:
        """Every object whose key starts with `prefix` and sorts after `after`, in the order of keys."""
