"""Files out of the archive onto this machine's disk, proved on the way."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from forebay.errors import CheckFailed
from forebay.orchestration.archive.inventory import OURS
from forebay.stores.archive import Archive, Held
from forebay.stores.disk import make_folder, storage_errors
from forebay.vendor.inspection import Inspection, inspected

_SUFFIX = ".csv.gz"


class Got(StrEnum):
    """What became of one file."""

    WRITTEN = "written"
    THERE = "there"
    """The same file was there already."""
    ABSENT = "absent"
    """The archive does not have it."""
    DAMAGED = "damaged"
    """Its bytes are not those that its receipt says; nothing was written."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which file goes where."""

    key: str
    path: Path


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file, and what became of it."""

    target: Target
    got: Got
    bytes: int = 0
    reason: str = ""


def earlier(archive: Archive, target: Target) -> Iterator[Target | Fetched]:
    """The kept earlier revisions of a file, oldest first, each under a name with its time; what cannot be had, why."""
    for kept in archive.kept(target.key):
        published = datetime.fromisoformat(str(kept["last_modified"]))
        stem = target.path.name.removesuffix(_SUFFIX)
        path = target.path.with_name(f"{stem}.{published:%Y%m%dT%H%M%SZ}{_SUFFIX}")
        where = str(kept["kept_as"])
        if where.startswith(OURS):
            yield Target(where, path)
        else:
            yield Fetched(Target(target.key, path), Got.ABSENT, reason=f"kept as {where}: only an S3 tool can get it")


def get_files(archive: Archive, targets: Iterable[Target]) -> Iterator[Fetched]:
    """Copy files out of the archive, one after the other. Raises StoreError for the store's or the disk's sake."""
    for target in targets:
        held = archive.find(target.key)
        if held is None:
            yield Fetched(target, Got.ABSENT, reason="the archive does not have it")
        elif _is_there(target.path, held):
            yield Fetched(target, Got.THERE, held.stored.size)
        else:
            yield _copied(archive, target, held)


def _is_there(path: Path, held: Held) -> bool:
    """Whether the file at `path` is the archived one, byte for byte."""
    if held.receipt is None or not held.receipt.sha256 or not path.is_file():
        return False
    with storage_errors(path, "--out"):
        if path.stat().st_size != held.stored.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == held.receipt.sha256


def _copied(archive: Archive, target: Target, held: Held) -> Fetched:
    part = target.path.with_name(f"{target.path.name}.part")
    try:
        with storage_errors(target.path, "--out"):
            make_folder(target.path.parent.absolute())
            _write(part, archive, held)
            if held.receipt is not None:
                when = held.receipt.revision.last_modified.timestamp()
                os.utime(part, (when, when))  # as `aws s3 sync` and rclone do
            part.replace(target.path)
    except CheckFailed as error:
        return Fetched(target, Got.DAMAGED, reason=str(error))
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Fetched(target, Got.WRITTEN, held.stored.size)


def _write(part: Path, archive: Archive, held: Held) -> None:
    """Write the file and prove it: by its receipt's sha256, or by its gzip where nobody has read it before."""
    recorded = held.receipt.sha256 if held.receipt else ""
    inspection, found = Inspection(held.key), hashlib.sha256()
    with part.open("wb") as file, archive.store.open(held.stored) as stream:
        for chunk in stream if recorded else inspected(stream, inspection, held.stored.size):
            file.write(chunk)
            found.update(chunk)
    if not recorded:
        inspection.finish()
    elif found.hexdigest() != recorded:
        raise CheckFailed(f"its sha256 is {found.hexdigest()[:12]}..., its receipt says {recorded[:12]}...")
