"""One thing in quarantine: why it is kept, what it was meant for, and how that ended. A JSON file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from forebay.errors import StoreError
from forebay.lake.home.staging import storage_errors
from forebay.model.intervals import Interval
from forebay.model.partition import Partition

_ID_LENGTH = 8


class End(StrEnum):
    """How a thing in quarantine came to be of no concern any more. It is kept all the same."""

    REPLAYED = "replayed"
    """Its rows are in the lake, or it was loaded anew without a fault."""
    DISMISSED = "dismissed"
    """A person said so."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One thing in quarantine: a note, and the bad rows where there are any."""

    id: str
    """Eight hex digits, the same as long as it is there: of the partition, the key and the revision."""
    table: str
    day: date
    """The first session date, where it is of several."""
    last_day: date
    symbol: str
    key: str
    reason: str
    rows: int
    noted_at: datetime
    """UTC."""
    rows_path: Path | None
    revision: str | None = None
    """ETag of the vendor's file that it was in; None for what REST brought."""
    whole: bool = False
    """Nothing of the file was taken, not these rows alone."""
    ended: End | None = None
    ended_reason: str = ""
    ended_at: datetime | None = None
    """UTC."""

    @property
    def partition(self) -> Partition:
        """What it was meant for."""
        return Partition(self.table, self.symbol, Interval(self.day, self.last_day))


def note_id(name: str) -> str:
    """The id of the note in the file of this name, relative to the quarantine."""
    return hashlib.sha256(name.encode()).hexdigest()[:_ID_LENGTH]


def read_note(folder: Path, name: str) -> Quarantined:
    """The note in `folder / name`. Raises StoreError when it cannot be read, or is none."""
    path = folder / name
    try:
        with storage_errors(path):
            return _parsed(path, note_id(name))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} is no note of the quarantine: {error}", remedy="move it out of the folder; nothing else needs it"
        ) from error


def _parsed(path: Path, identity: str) -> Quarantined:
    note: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    rows_path = path.with_suffix(".parquet")
    ended_at = note.get("ended_at")
    return Quarantined(
        id=identity,
        table=note["table"],
        day=date.fromisoformat(note["day"]),
        last_day=date.fromisoformat(note.get("last_day", note["day"])),
        symbol=note["symbol"],
        key=note["key"],
        reason=note["reason"],
        rows=note["rows"],
        noted_at=datetime.fromisoformat(note["noted_at"]),
        rows_path=rows_path if rows_path.exists() else None,
        revision=note["revision"],
        whole=note.get("whole", note["rows"] == 0),
        ended=End(note["ended"]) if note.get("ended") else None,
        ended_reason=note.get("ended_reason", ""),
        ended_at=datetime.fromisoformat(ended_at) if ended_at else None,
    )
