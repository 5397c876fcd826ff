"""What failed a check is kept here: bad rows as Parquet with a reason each, refused files as a note. Never deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebay.errors import StoreError
from forebay.lake.home.staging import storage_errors
from forebay.lake.intake.note import End, Quarantined, note_id, read_note
from forebay.model.instrument import encode_name
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision

if TYPE_CHECKING:  # who only keeps the fact of a refusal needs no data library
    import polars as pl


class Quarantine:
    """`<folder>/<table>/<day>/<name>.json`, with `<name>.parquet` beside it for rows.

    Whatever else is among the notes, or damaged, is passed over; `strays` names it.
    """

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
        """What is in quarantine, sorted by table and day; with `ended` also what is of no concern any more."""
        return [note for note in self._notes(table) if (ended or note.ended is None) and _touches(note, dates)]

    def strays(self) -> Iterator[StoreError]:
        """What lies where notes do and is none that can be read, each with a remedy."""
        for name in self._names():
            try:
                read_note(self.folder, name)
            except StoreError as error:
                yield error

    def find(self, identity: str) -> Quarantined | None:
        """The one with this id, ended or not. Raises StoreError when it cannot be read."""
        return next((read_note(self.folder, name) for name in self._names() if note_id(name) == identity), None)

    def rows(self, note: Quarantined) -> pl.DataFrame:
        """The rows that are kept with a note that has some. Raises StoreError when they cannot be read."""
        import polars as pl

        assert note.rows_path is not None, "it has no rows"
        try:
            return pl.read_parquet(note.rows_path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise StoreError(
                f"{note.rows_path} cannot be read: {error}",
                remedy=f"restore it from a backup, or `forebay quarantine dismiss {note.id}`",
            ) from error

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
            before = self.rows(note)
            gone = before.join(rows, on=before.columns, how="anti", nulls_equal=True)
            earlier = [pl.read_parquet(taken)] if taken.exists() else []
            pl.concat([*earlier, gone]).unique(maintain_order=True).write_parquet(_part(taken))
            _settle(taken)
            rows.write_parquet(_part(note.rows_path))
            _settle(note.rows_path)
        self._change(note, {"rows": rows.height, "reason": reason})

    def _notes(self, table: str | None) -> Iterator[Quarantined]:
        for name in self._names(table):
            with suppress(StoreError):
                yield read_note(self.folder, name)

    def _names(self, table: str | None = None) -> Iterator[str]:
        """The files of notes, relative to the folder, in their order."""
        for path in sorted(self.folder.glob(f"{table or '*/*'}/*/*.json")):
            yield path.relative_to(self.folder).as_posix()

    def _change(self, note: Quarantined, changes: dict[str, Any]) -> None:
        path = self.folder / next(name for name in self._names(note.table) if note_id(name) == note.id)
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
