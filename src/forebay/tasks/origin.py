"""Where a task reads a flat file: the vendor's bucket, or the archive that holds it already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from forebay.clock import Clock
from forebay.errors import OutOfReach
from forebay.model.partition import Revision
from forebay.stores.archive import Archive
from forebay.stores.store import ByteStream, Files

_LOOK_AGAIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Origin:
    """The archive where it holds the revision, else the vendor. Either may be None."""

    vendor: Files | None
    archive: Archive | None
    clock: Clock

    def open(self, key: str, revision: Revision, start: int = 0) -> ByteStream:
        """The bytes of exactly this revision. Raises OutOfReach when nobody who can be asked has it."""
        held = self.archive.find(key) if self.archive else None
        if self.archive and held and held.is_revision(revision):
            return self.archive.store.open(held.stored, start)
        if self.vendor:
            return self.vendor.open(key, revision, start)
        raise OutOfReach(
            f"the archive does not hold the listed revision of {key}, and the vendor cannot be asked",
            until=self.clock.now() + _LOOK_AGAIN,
            remedy="archive it first, or set POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY",
        )
