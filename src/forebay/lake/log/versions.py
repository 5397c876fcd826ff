"""The versions of a table for readers: the newest one, followed from commit to commit, and those of before.

A first look is by delta-rs, which lists every file; after it a look costs two small reads, and a commit its own size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from forebay.errors import LakeError, UsageError
from forebay.lake.home.home import Home
from forebay.lake.log import delta
from forebay.lake.log.entries import entry_of
from forebay.lake.log.history import actions_of, oldest_from, version_by
from forebay.lake.log.snapshot import LakeFile, Snapshot

_KEPT = 8
"""Earlier versions that are remembered."""
_STATS = {"rows": "num_records", "lowest": "min.ticker", "highest": "max.ticker"}

T = TypeVar("T")
AsOf = int | datetime
"""A version's number, or an aware moment: the newest version that was committed by then."""


class Versions:
    """What one table held when. Safe in threads."""

    def __init__(self, home: Home, table: str) -> None:
        self._home = home
        self._table = table
        self._lock = Lock()
        self._newest: Snapshot | None = None
        self._seen: str | None = None
        """Which file its log entry is: a table that was made anew has others."""
        self._earlier: dict[int, Snapshot] = {}

    def newest(self) -> Snapshot:
        """The newest version. Raises LakeError when there is no table or its log is damaged, NewerVersion."""
        with self._lock:
            known = self._newest
            if known is None or self._mark(known.version) != self._seen:
                self._earlier.clear()
                known = _load(delta.open_table(self._home))
            known = self._follow(known)
            self._newest, self._seen = known, self._mark(known.version)
            return known

    def at(self, as_of: AsOf | None) -> Snapshot:
        """The version that `as_of` names. Raises UsageError when it never was, LakeError when it is gone by now."""
        newest = self.newest()
        if as_of is None:
            return newest
        if isinstance(as_of, bool) or not isinstance(as_of, int | datetime):
            raise UsageError(
                f"as_of={as_of!r} is neither a version's number nor a moment",
                remedy="pass `lake.version(table)` of then, or datetime(2026, 3, 1, tzinfo=UTC)",
            )
        version = version_by(self._home, as_of, newest.version) if isinstance(as_of, datetime) else as_of
        if not 0 <= version <= newest.version:
            raise UsageError(
                f"{self._table} has no version {version}", remedy=f"versions go from 0 to {newest.version}, the newest"
            )
        return newest if version == newest.version else self._before(version, newest)

    def _before(self, version: int, newest: Snapshot) -> Snapshot:
        with self._lock:
            found = self._earlier.pop(version, None) or self._load_at(version, newest)
            self._earlier[version] = found
            while len(self._earlier) > _KEPT:
                del self._earlier[next(iter(self._earlier))]
            return found

    def _load_at(self, version: int, newest: Snapshot) -> Snapshot:
        oldest = oldest_from(self._home, version, newest.version)
        if version < oldest:
            raise LakeError(
                f"version {version} of {self._table} is gone: its files were vacuumed, or its log cleaned up",
                remedy=f"the oldest version that can still be read is {oldest}",
            )
        table = delta.open_table(self._home)
        with delta.translated(self._home):
            table.load_as_version(version)
        return _load(table)

    def _follow(self, known: Snapshot) -> Snapshot:
        while (entry := self._home.read(entry_of(known.version + 1))) is not None:
            actions = actions_of(entry)
            if actions is None or any("metaData" in action or "protocol" in action for action in actions):
                return _load(delta.open_table(self._home))
            added = [_file(action["add"]) for action in actions if "add" in action]
            removed = [unquote(action["remove"]["path"]) for action in actions if "remove" in action]
            known = known.after(known.version + 1, added, removed)
        return known

    def _mark(self, version: int) -> str | None:
        found = self._home.look(entry_of(version))
        return found.mark if found else None


def _file(add: Mapping[str, Any]) -> LakeFile:
    try:
        stats = json.loads(add.get("stats") or "{}")
    except ValueError:  # another program's: what is not known of a file leaves nothing of it out
        stats = {}
    rows = _told(stats, int, "numRecords")
    lowest, highest = (_told(stats, str, side, "ticker") for side in ("minValues", "maxValues"))
    return LakeFile.of(unquote(add["path"]), int(add["size"]), rows, lowest, highest)


def _told(stats: Any, kind: type[T], *names: str) -> T | None:
    """What statistics say under these names; None where they do not, or something else."""
    for name in names:
        stats = stats.get(name) if isinstance(stats, dict) else None
    return stats if isinstance(stats, kind) else None


def _load(table: DeltaTable) -> Snapshot:
    return Snapshot(-1).after(int(table.version()), _files(table), ())


def _files(table: DeltaTable) -> Iterator[LakeFile]:
    held = pl.DataFrame(table.get_add_actions(flatten=True))
    stats = [pl.col(name) if name in held.columns else pl.lit(None).alias(name) for name in _STATS.values()]
    return (LakeFile.of(*row) for row in held.select("path", "size_bytes", *stats).iter_rows())
