"""A table's log, followed from commit to commit: what a delivery costs does not grow with the table.

delta-rs lists every file of a table anew with each load and each commit, some 0.01 ms a file: seconds for the table of
a whole market. Here only what is new is read, and a commit writes one small file, as the Delta protocol has it ("Delta
Log Entries"). delta-rs makes the tables, loads them first, and writes their checkpoints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from forebay.errors import LakeError
from forebay.lake.format.layout import partition_column
from forebay.lake.home.home import Conflict, Home
from forebay.lake.log import delta
from forebay.lake.log.entries import entry_of
from forebay.lake.log.history import actions_of
from forebay.lake.log.shelf import Shelf
from forebay.telemetry.tracing import span

_FOLDER = "_delta_log"
_PLAIN_WRITER = 2
"""The protocol of the tables that we make. What later ones ask of a writer, delta-rs knows."""
_PLAIN_PATH = re.compile(r"[\w./=-]+", re.ASCII)
"""Every path of ours; others are spelled in the log in ways of their own."""
_APPEND_ONLY = "delta.appendOnly"
_CHANGES_ALL = ("metaData", "protocol")


class TableLog:
    """What one table holds, as of its newest commit. Not for several threads: used under the writer's lock."""

    def __init__(self, home: Home, table: str) -> None:
        self.version = -1
        self.shelf = Shelf()
        self.home = home
        self._table = table
        self._plain = False
        self._seen: str | None = None
        """Which file the newest entry is: a table that was made anew has others."""

    def refresh(self) -> None:
        """See what was committed since. Makes the table when it is not there. Raises LakeError, NewerVersion."""
        if not (self._plain and self._identity() == self._seen and self._follow()):
            self._load()

    def commit(
        self,
        add: Sequence[delta.NewFile],
        remove: Sequence[str],
        now: datetime,
        note: Mapping[str, str],
        *,
        changes: bool = True,
    ) -> None:
        """Add and remove files in one commit, on disk when this returns; without `changes` the same rows are held.

        Raises Conflict when another writer was first, LakeError or StoreError for anything else that goes wrong.
        """
        counts = {"forebay.version": self.version + 1, "forebay.added": len(add), "forebay.removed": len(remove)}
        with span("lake commit", {"forebay.table": self._table, **counts}):
            self._write(add, remove, now, note, changes)
        self.version += 1
        self._seen = self._identity()
        self.shelf.change((file.path for file in add), remove)
        if self._plain and self.version % delta.CHECKPOINT_EVERY == 0:
            delta.checkpoint(self.home)

    def _write(
        self, add: Sequence[delta.NewFile], remove: Sequence[str], now: datetime, note: Mapping[str, str], changes: bool
    ) -> None:
        if self._plain and all(_PLAIN_PATH.fullmatch(path) for path in (*remove, *(file.path for file in add))):
            self.home.create(entry_of(self.version + 1), _spelled(_lines(self._table, add, remove, now, note, changes)))
        else:
            self._commit_by_library(add, remove, now, note, changes)

    def _commit_by_library(
        self, add: Sequence[delta.NewFile], remove: Sequence[str], now: datetime, note: Mapping[str, str], changes: bool
    ) -> None:
        table = delta.open_table(self.home)
        if table.version() != self.version:
            raise Conflict(f"{self.home.uri}: another writer committed first")
        if remove and table.metadata().configuration.get(_APPEND_ONLY) == "true":
            raise LakeError(
                f"{self.home.uri} is append-only: rows that better ones replace cannot leave it",
                remedy=f"set its property {_APPEND_ONLY} to false, as Forebay made it",
            )
        with delta.translated(self.home):
            delta.commit(table, self._table, add, remove, now, note, changes=changes)

    def _load(self) -> None:
        table = delta.open_or_create(self.home, self._table)
        protocol, settings = table.protocol(), table.metadata().configuration
        self._plain = protocol.min_writer_version <= _PLAIN_WRITER and settings.get(_APPEND_ONLY) != "true"
        self.version, self.shelf = int(table.version()), Shelf()
        self.shelf.change(delta.files(table), ())
        self._seen = self._identity()

    def _follow(self) -> bool:
        """Read the entries after `version`; False when they do not tell everything."""
        while (entry := self.home.read(entry_of(self.version + 1))) is not None:
            actions = actions_of(entry)
            if actions is None or any(kind in action for action in actions for kind in _CHANGES_ALL):
                return False
            added, removed = ([unquote(path) for path in _paths(actions, kind)] for kind in ("add", "remove"))
            self.shelf.change(added, removed)
            self.version += 1
        self._seen = self._identity()
        return self._checkpointed() <= self.version

    def _identity(self) -> str | None:
        found = self.home.look(entry_of(self.version))
        return found.mark if found else None

    def _checkpointed(self) -> int:
        """The version of the newest checkpoint; entries before it may be gone."""
        pointer = self.home.read(f"{_FOLDER}/_last_checkpoint")
        if pointer is None:
            return -1
        try:
            return int(json.loads(pointer)["version"])
        except (ValueError, KeyError, TypeError):  # damaged: delta-rs looks for checkpoints by itself
            return self.version + 1


def _spelled(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()


def _lines(
    table: str,
    add: Sequence[delta.NewFile],
    remove: Sequence[str],
    now: datetime,
    note: Mapping[str, str],
    changes: bool,
) -> Iterable[dict[str, Any]]:
    stamp, column = int(now.timestamp() * 1000), partition_column(table)
    parameters = {"mode": "Append", "partitionBy": json.dumps([column])}
    yield {"commitInfo": {"timestamp": stamp, "operation": "WRITE", "operationParameters": parameters, **note}}
    for file in add:
        what = {"path": file.path, "partitionValues": {column: file.partition}, "size": file.size}
        yield {"add": {**what, "modificationTime": stamp, "dataChange": changes, "stats": file.stats}}
    for path in remove:
        values = delta.partition_of(path)
        yield {"remove": {"path": path, "dataChange": changes, "deletionTimestamp": stamp, "partitionValues": values}}


def _paths(actions: Iterable[Mapping[str, Any]], kind: str) -> Iterable[str]:
    return (str(action[kind]["path"]) for action in actions if kind in action)
