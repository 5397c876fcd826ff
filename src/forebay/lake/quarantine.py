"""What failed a check is kept here: bad rows as Parquet with a reason each, refused files as a note. Never deleted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebay.lake.staging import storage_errors
from forebay.model.instrument import encode_name
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision

if TYPE_CHECKING:  # who only keeps the fact of a refusal needs no data library
    import polars as pl


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One thing in quarantine: a note, and the bad rows where there are any."""

    table: str
    day: date
    symbol: str
    key: str
    reason: str
    rows: int
    noted_at: datetime
    """UTC."""
    rows_path: Path | None
    revision: str | None = None
    """ETag of the vendor's file that it was in; None for what REST brought."""


class Quarantine:
    """`<folder>/<table>/<day>/<name>.json`, with `<name>.parquet` beside it for rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(
        self,
        partition: Partition,
        *,
        key: str,
        reason: str,
        now: datetime,
        rows: pl.DataFrame | None = None,
        revision: Revision | None = None,
    ) -> Path:
        """Keep bad `rows` (BAD_ROWS columns), or only the fact that `key` was refused; returns the note's path.

        Same partition, key and revision twice is kept once. Raises StoreError when it cannot be written.
        """
        note = {
            "table": partition.table,
            "day": partition.dates.start.isoformat(),
            "symbol": partition.symbol,
            "key": key,
            "reason": reason,
            "rows": 0 if rows is None else rows.height,
            "noted_at": now.isoformat(),
            "revision": None if revision is None else revision.etag,
        }
        path = self._path(partition, key, revision)
        with storage_errors(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            if rows is not None and rows.height:
                rows.write_parquet(_part(path.with_suffix(".parquet")))
                _settle(path.with_suffix(".parquet"))
            _part(path).write_text(json.dumps(note, indent=1), encoding="utf-8")
            _settle(path)
        return path

    def list(self) -> list[Quarantined]:
        """Everything in quarantine, sorted by table and day."""
        return [_read(path) for path in sorted(self.folder.glob("*/*/*/*.json"))]

    def _path(self, partition: Partition, key: str, revision: Revision | None) -> Path:
        mark = hashlib.sha256(f"{key}|{revision and revision.etag}".encode()).hexdigest()[:12]
        symbol = "all" if partition.symbol == ALL_SYMBOLS else encode_name(partition.symbol)
        return self.folder / partition.table / partition.dates.start.isoformat() / f"{symbol}__{mark}.json"


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _settle(path: Path) -> None:
    """A finished file takes its name at once; a crash leaves only the `.part`, which the next try overwrites."""
    _part(path).replace(path)


def _read(path: Path) -> Quarantined:
    note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    rows_path = path.with_suffix(".parquet")
    return Quarantined(
        table=note["table"],
        day=date.fromisoformat(note["day"]),
        symbol=note["symbol"],
        key=note["key"],
        reason=note["reason"],
        rows=note["rows"],
        noted_at=datetime.fromisoformat(note["noted_at"]),
        rows_path=rows_path if rows_path.exists() else None,
        revision=note["revision"],
    )
