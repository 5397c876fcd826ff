"""What can be wrong with an archived file, how it is told, and what to do about it. Pure judgement: reads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision
from forebay.orchestration.archive.inventory import is_held
from forebay.orchestration.archive.reading import is_md5
from forebay.stores.store import Stored


class Fault(StrEnum):
    """A difference between storage, ledger and the vendor's listing."""

    GONE = "gone"
    """The ledger counts on it, and it is not in storage."""
    SIZE = "size"
    """It has another size than the one that was recorded."""
    DAMAGED = "damaged"
    """Its bytes are not those that were recorded, or its gzip does not add up."""
    UNKNOWN = "unknown"
    """In storage, and the ledger does not know it."""
    SUSPECT = "suspect"
    """In storage, and the ledger says that a check of it, or of a later revision, failed."""
    REPLACED = "replaced"
    """The vendor has published it anew since."""
    NOT_HELD = "not_held"
    """The vendor lists it, and the archive does not have it."""
    FOREIGN = "foreign"
    """An object whose key is not the vendor's."""
    STALE = "stale"
    """Older than the vendor's present revision: an earlier one, or a copy that was broken off."""
    UNLISTED = "unlisted"
    """The vendor does not list the file: there is nothing to compare it with."""

    @property
    def withdrawn(self) -> bool:
        """Whether the ledger must not count on such a file any more."""
        return self in (Fault.GONE, Fault.SIZE, Fault.DAMAGED, Fault.STALE)

    @property
    def set_aside(self) -> bool:
        """Whether what lies there is moved out of sight; a stale file is, when its successor comes."""
        return self in (Fault.SIZE, Fault.DAMAGED)

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return _NEXT[self]


_FETCH = "it is fetched again by `forebay discoverer` and `forebay worker`"
_NEXT: Mapping[Fault, str] = {
    Fault.GONE: _FETCH,
    Fault.SIZE: f"{_FETCH}; what was there is kept",
    Fault.DAMAGED: f"{_FETCH}; what was there is kept",
    Fault.UNKNOWN: "`forebay archive adopt` compares it with the vendor's listing; `forebay ledger rebuild` takes what "
    "has a receipt",
    Fault.SUSPECT: "`forebay tasks list --state permanent_failure` says why; `forebay tasks retry` tries again",
    Fault.REPLACED: "`forebay discoverer` and `forebay worker` take the new revision; the earlier one is kept",
    Fault.NOT_HELD: "`forebay discoverer historical` and `forebay worker` fetch it",
    Fault.FOREIGN: "it is left alone; remove it if it does not belong there",
    Fault.STALE: "`forebay discoverer` and `forebay worker` fetch the present one; what lies there is kept",
    Fault.UNLISTED: "`forebay ledger rebuild` takes it over by its size alone; nothing can prove more",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One file that is not as it should be."""

    fault: Fault
    key: str
    reason: str
    dataset: str = ""
    """Empty for a key that is of none."""
    day: date | None = None

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return self.fault.next_step


@dataclass(frozen=True, slots=True)
class Sides:
    """One session date's file as the ledger, the store and the vendor know it."""

    dataset: Dataset
    day: date
    known: Coverage | None
    stored: Stored | None
    listed: Revision | None

    @property
    def key(self) -> str:
        """Where the file is, and should be."""
        return self.dataset.key(self.day)

    @property
    def partition(self) -> Partition:
        """What coverage of it is about."""
        return Partition(self.dataset.table, ALL_SYMBOLS, Interval(self.day, self.day))

    def finding(self, fault: Fault, reason: str) -> Finding:
        """A finding about this file."""
        return Finding(fault, self.key, reason, self.dataset.name, self.day)


def judge(sides: Sides) -> Finding | None:
    """The gravest that the three sides show of a file; None when they agree."""
    if is_held(sides.known):
        return _judge_held(sides)
    if sides.stored is not None:
        return _judge_stored(sides, sides.stored)
    if sides.listed is None:
        return None  # a day that the ledger knows not to be published, say
    why = sides.known.evidence.reason if sides.known else ""
    return sides.finding(Fault.NOT_HELD, why or "the vendor lists it, and it was never fetched")


def _judge_held(sides: Sides) -> Finding | None:
    assert sides.known is not None
    evidence, stored = sides.known.evidence, sides.stored
    if stored is None:
        return sides.finding(Fault.GONE, "the ledger holds it, storage does not")
    if evidence.bytes is not None and stored.size != evidence.bytes:
        return sides.finding(Fault.SIZE, f"{stored.size:,} bytes in storage, {evidence.bytes:,} when it was taken")
    if sides.listed and evidence.revision is None and (fault := doubt(stored, sides.listed)):
        return sides.finding(*fault)
    if sides.listed and evidence.revision and sides.listed != evidence.revision:
        when = sides.listed.last_modified
        return sides.finding(Fault.REPLACED, f"the vendor published it anew on {when:%Y-%m-%d %H:%M} UTC")
    return None


def doubt(stored: Stored, listed: Revision) -> tuple[Fault, str] | None:
    """Why a file cannot be the vendor's present revision; None when nothing speaks against it."""
    if stored.size != listed.size:
        return Fault.STALE, f"it has {stored.size:,} bytes, the vendor's file {listed.size:,}"
    if is_md5(stored.etag) and is_md5(listed.etag):
        if stored.etag != listed.etag:
            return Fault.STALE, f"its ETag is {stored.etag}, the vendor's {listed.etag}"
        return None
    if stored.modified < listed.last_modified:
        return Fault.STALE, (
            f"it is of {stored.modified:%Y-%m-%d %H:%M:%S}, the vendor published the present file on "
            f"{listed.last_modified:%Y-%m-%d %H:%M:%S} UTC"
        )
    return None


def _judge_stored(sides: Sides, stored: Stored) -> Finding:
    if sides.known is None:
        return sides.finding(Fault.UNKNOWN, f"{stored.size:,} bytes that the ledger does not know")
    return sides.finding(Fault.SUSPECT, sides.known.evidence.reason or f"the ledger calls it {sides.known.verdict}")
