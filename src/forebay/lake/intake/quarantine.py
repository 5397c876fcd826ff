"""What failed a check is kept here: bad rows as Parquet with a reason each, refused files as a note. Never deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebay.errors import StoreError
from forebay.lake.home.staging import storage_errors
from forebay.model.instrument import encode_name
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision

if TYPE_CHECKING:  # who only keeps the fact of a refusal needs no data library
    import polars as pl

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
        whole: bool = False,
    ) -> Path:
        """Keep bad `rows` (columns of `bad_schema`), or only the fact that `key` was refused; the note's path.

        `whole`: nothing else of it was taken either, as where no rows are given. Same partition, key and revision twice
        is kept once, as it was the last time. Raises StoreError when it cannot be written.
        """
        note = {
            "table": partition.table,
            "day": partition.dates.start.isoformat(),
            "last_day": partition.dates.end.isoformat(),
            "symbol": partition.symbol,
            "key": key,
            "reason": reason,
            "rows": 0 if rows is None else rows.height,
            "noted_at": now.isoformat(),
            "revision": None if revision is None else revision.etag,
            "whole": whole or rows is None,
        }
        path = self._path(partition, key, revision)
        with storage_errors(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            if rows is not None and rows.height:
                rows.write_parquet(_part(path.with_suffix(".parquet")))
                _settle(path.with_suffix(".parquet"))
            _write(path, note)
        return path

    def list(
        self, table: str | None = None, dates: Interval | None = None, *, ended: bool = False
    ) -> list[Quarantined]:
        """What is in quarantine, sorted by table and day; with `ended` also what is of no concern any more.

        Raises StoreError for a note that cannot be read.
        """
        return [note for note in self._notes(table) if (ended or note.ended is None) and _touches(note, dates)]

    def find(self, identity: str) -> Quarantined | None:
        """The one with this id, ended or not."""
        return next((note for note in self._notes(None) if note.id == identity), None)

    def end(self, note: Quarantined, how: End, reason: str, now: datetime) -> None:
        """Mark it as of no concern any more; its rows stay. Raises StoreError."""
        self._change(note, {"ended": how.value, "ended_reason": reason, "ended_at": now.isoformat()})

    def reduce(self, note: Quarantined, rows: pl.DataFrame, reason: str) -> None:
        """Keep only `rows` of its rows open; the others, in the lake by now, move to `<name>.taken.parquet`.

        Raises StoreError.
        """
        import polars as pl

        assert note.rows_path is not None, "what has no rows cannot lose some"
        taken = note.rows_path.with_suffix(".taken.parquet")
        with storage_errors(self.folder):
            before = pl.read_parquet(note.rows_path)
            gone = before.join(rows, on=before.columns, how="anti", nulls_equal=True)
            earlier = [pl.read_parquet(taken)] if taken.exists() else []
            pl.concat([*earlier, gone]).unique(maintain_order=True).write_parquet(_part(taken))
            _settle(taken)
            rows.write_parquet(_part(note.rows_path))
            _settle(note.rows_path)
        self._change(note, {"rows": rows.height, "reason": reason})

    def _notes(self, table: str | None) -> Iterator[Quarantined]:
        for path in sorted(self.folder.glob(f"{table or '*/*'}/*/*.json")):
            yield self._read(path)

    def _read(self, path: Path) -> Quarantined:
        try:
            with storage_errors(path):
                return _note(path, path.relative_to(self.folder).as_posix())
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path} is no note of the quarantine: {error}",
                remedy="move it out of the folder; nothing else needs it",
            ) from error

    def _change(self, note: Quarantined, changes: dict[str, Any]) -> None:
        path = next(path for path in self.folder.glob(f"{note.table}/*/*.json") if self._read(path).id == note.id)
        with storage_errors(self.folder):
            _write(path, json.loads(path.read_text(encoding="utf-8")) | changes)

    def _path(self, partition: Partition, key: str, revision: Revision | None) -> Path:
        mark = hashlib.sha256(f"{key}|{revision and revision.etag}".encode()).hexdigest()[:12]
        symbol = "all" if partition.symbol == ALL_SYMBOLS else encode_name(partition.symbol)
        return self.folder / partition.table / partition.dates.start.isoformat() / f"{symbol}__{mark}.json"


def _touches(note: Quarantined, dates: Interval | None) -> bool:
    return dates is None or (note.day <= dates.end and dates.start <= note.last_day)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _settle(path: Path) -> None:
    """A finished file takes its name at once; a crash leaves only the `.part`, which the next try overwrites."""
    _part(path).replace(path)


def _write(path: Path, note: dict[str, Any]) -> None:
    _part(path).write_text(json.dumps(note, indent=1), encoding="utf-8")
    _settle(path)


def _note(path: Path, name: str) -> Quarantined:
    note: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    rows_path = path.with_suffix(".parquet")
    ended_at = note.get("ended_at")
    return Quarantined(
        id=hashlib.sha256(name.encode()).hexdigest()[:_ID_LENGTH],
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
