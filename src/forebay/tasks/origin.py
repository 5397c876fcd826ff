"""Where a task reads a flat file: the vendor's bucket, or the archive that holds it already."""

from __future__ import annotations

from dataclasses import dataclass

from forebay.errors import FileNotFound
from forebay.model.partition import Revision
from forebay.stores.archive import Archive
from forebay.stores.store import ByteStream, Files


@dataclass(frozen=True, slots=True)
class Origin:
    """The archive where it holds the revision, else the vendor. Either may be None."""

    vendor: Files | None
    archive: Archive | None

    def open(self, key: str, revision: Revision, start: int = 0) -> ByteStream:
        """The bytes of exactly this revision. Raises FileNotFound when nobody who could be asked has it."""
        held = self.archive.find(key) if self.archive else None
        if self.archive and held and held.is_revision(revision):
            return self.archive.store.open(held.stored, start)
        if self.vendor:
            return self.vendor.open(key, revision, start)
        raise FileNotFound(
            f"the archive does not hold the listed revision of {key}, and the vendor cannot be asked",
            remedy="archive it first, or set POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY",
        )
