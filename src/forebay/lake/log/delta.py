"""The one seam to delta-rs: open or create a table, list its files, commit. Foreign errors end here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import SEEK_END, BufferedReader
from math import ceil
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, CommitProperties, RemoveAction

from forebay.errors import LakeError, NewerVersion
from forebay.lake.format.layout import partition_column
from forebay.lake.format.parquet import arrow_schema
from forebay.lake.home.home import Conflict, Home
from forebay.lake.log.damage import damage_of
from forebay.lake.log.entries import exists
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.rows import TIME_COLUMNS

FORMAT_VERSION = 1
"""Of the lake's layout. A lake with a higher one is refused, since its ownership rules may differ."""
_FORMAT = "Forebay lake format "
"""Start of a table's description: Delta has no properties for other programs' use."""
CHECKPOINT_EVERY = 100
"""Commits between two files that sum up the log, for those who read it from its beginning."""
_WEEK = 7
_RETENTION = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")
"""How long the log's entries, and its notes of removed files, are kept."""
_SETTINGS = {
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    **dict.fromkeys(_RETENTION, f"interval {_WEEK} days"),
}
_UNKNOWN = "Unsupported"
"""How delta-rs begins what it says of a version or a feature that it does not know."""
_AS_THEY_LIE = frozenset(("timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"))
"""Features for readers that change nothing in how files are read."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, written without its zone
_STATS = ("ticker", *TIME_COLUMNS, "session_date")
"""Columns whose bounds go into the log, for engines that skip files by them."""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A Parquet file in place, ready to be committed. `path` is relative to the table."""

    path: str
    partition: str
    size: int
    stats: str


def open_table(home: Home) -> DeltaTable:
    """The newest state of a table. Raises LakeError when it is not there or unreadable, NewerVersion when too new."""
    with translated(home):
        table = DeltaTable(home.uri, storage_options=home.options)
        description = table.metadata().description or ""
        _refuse_unread(home, table)
    found = description.removeprefix(_FORMAT).partition(";")[0]
    if found.isdecimal() and int(found) > FORMAT_VERSION:
        raise NewerVersion(
            f"{home.uri} has lake format {found}; this Forebay knows up to {FORMAT_VERSION}",
            remedy="upgrade Forebay; nothing was changed",
        )
    return table


def _refuse_unread(home: Home, table: DeltaTable) -> None:
    """Files are read here as they lie, which is wrong where the log says of their rows or columns what they do not."""
    unread = set(table.protocol().reader_features or ()) - _AS_THEY_LIE
    if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        unread.add("columnMapping")
    if unread:
        raise LakeError(
            f"{home.uri} uses features of Delta that Forebay does not read: {', '.join(sorted(unread))}",
            remedy="rewrite it without them by the program that switched them on; nothing was changed",
        )


def open_or_create(home: Home, table: str) -> DeltaTable:
    """The table, made when it is not there. `table` is its name in the lake."""
    if not exists(home):
        home.make()
        with suppress(Conflict), translated(home):  # another process made it meanwhile
            DeltaTable.create(
                home.uri,
                _schema(table),
                mode="ignore",
                partition_by=[partition_column(table)],
                name=table,
                description=f"{_FORMAT}{FORMAT_VERSION}",
                configuration=_SETTINGS,
                storage_options=home.options,
                commit_properties=CommitProperties(max_commit_retries=0),
            )
    return open_table(home)


def description(home: Home) -> str:
    """What a table's description says: its lake format, and what else is kept there. Raises LakeError."""
    return open_table(home).metadata().description or ""


def set_description(home: Home, text: str) -> None:
    """Commit another description. Raises LakeError, Conflict."""
    table = open_table(home)
    with translated(home):
        table.alter.set_table_description(text)


def keep_versions(home: Home, time: timedelta) -> None:
    """Have the log keep what it knows of earlier versions for so long, and a week at least. Raises LakeError."""
    table = open_table(home)
    wanted = dict.fromkeys(_RETENTION, f"interval {max(ceil(time / timedelta(days=1)), _WEEK)} days")
    if any(table.metadata().configuration.get(name) != text for name, text in wanted.items()):
        with translated(home):
            table.alter.set_table_properties(wanted)


def files(table: DeltaTable) -> list[str]:
    """The paths of the table's files, relative to it."""
    return pl.DataFrame(table.get_add_actions())["path"].to_list()


def describe(file: BufferedReader, relative: str, partition: str, rows: int) -> NewFile:
    """A file as the log will know it, from its footer. Raises LakeError unless it is Parquet with `rows` rows."""
    try:
        footer, size = pq.read_metadata(file), file.seek(0, SEEK_END)
    except (pa.ArrowException, OSError) as error:
        raise LakeError(f"{relative}: {error}", remedy="run the task again; nothing was committed") from error
    if footer.num_rows != rows:
        raise LakeError(
            f"{relative} has {footer.num_rows} rows instead of {rows}",
            remedy="run the task again; nothing was committed",
        )
    return NewFile(relative, partition, size, json.dumps(_stats(footer)))


def commit(
    table: DeltaTable,
    name: str,
    add: Sequence[NewFile],
    remove: Sequence[str],
    now: datetime,
    note: Mapping[str, str],
    *,
    changes: bool = True,
) -> int:
    """Add and remove files in one commit; returns the table's new version. Without `changes` the rows stay the same.

    To be called inside `translated`.
    """
    stamp, column = int(now.timestamp() * 1000), partition_column(name)
    actions: list[Any] = [
        AddAction(file.path, file.size, {column: file.partition}, stamp, data_change=changes, stats=file.stats)
        for file in add
    ]
    actions += [
        RemoveAction(path, data_change=changes, deletion_timestamp=stamp, partition_values=partition_of(path))
        for path in remove
    ]
    table.create_write_transaction(
        actions,
        "append",
        _schema(name),
        [column],
        commit_properties=CommitProperties(custom_metadata=dict(note), max_commit_retries=0),
    )
    return int(table.version()) + 1  # `table` still shows the state before, and the commit was tried once


def checkpoint(home: Home) -> None:
    """Sum up the log, and remove entries that are older than its retention. Raises LakeError."""
    with translated(home):
        table = DeltaTable(home.uri, storage_options=home.options)
        table.create_checkpoint()
        table.cleanup_metadata()


def _schema(table: str) -> pa.Schema:
    columns = arrow_schema(LAKE_DATASETS[table])
    return columns.append(pa.field(partition_column(table), pa.string()))


def partition_of(path: str) -> dict[str, str | None]:
    """The partition's column and value, by a file's path."""
    column, _, value = path.split("/", 1)[0].partition("=")
    return {column: value}


def _stats(footer: Any) -> dict[str, Any]:
    bounds: dict[str, dict[str, Any]] = {"minValues": {}, "maxValues": {}}
    for column in range(footer.num_columns):
        name = footer.schema.column(column).name
        found = [footer.row_group(group).column(column).statistics for group in range(footer.num_row_groups)]
        if name in _STATS and found and all(each is not None and each.has_min_max for each in found):
            bounds["minValues"][name] = _plain(name, min(each.min_raw for each in found))
            bounds["maxValues"][name] = _plain(name, max(each.max_raw for each in found))
    return {"numRecords": footer.num_rows, **bounds}


def _plain(name: str, raw: Any) -> str | int:
    """A bound as the log spells it, from its physical value: pyarrow's own conversion would import pandas."""
    if name == "window_start":
        return f"{_EPOCH + timedelta(microseconds=raw):%Y-%m-%dT%H:%M:%S.%f}Z"
    if name == "session_date":
        return f"{_EPOCH + timedelta(days=raw):%Y-%m-%d}"
    return int(raw) if isinstance(raw, int) else str(raw.decode())


@contextmanager
def translated(home: Home) -> Iterator[None]:
    """Errors of delta-rs and Arrow about a table become LakeError, Conflict and StoreError."""
    try:
        yield
    except CommitFailedError as error:
        told = home.explain(error)
        if _UNKNOWN in str(error):
            raise _newer(home, error) from told.__cause__
        raise Conflict(f"{home.uri}: another writer committed first") from told.__cause__
    except TableNotFoundError as error:
        remedy = "run `forebay sync` to fill the lake"
        raise LakeError(f"there is no lake table at {home.uri}", remedy=remedy) from error
    except (DeltaError, pa.ArrowException, OSError) as error:
        told = home.explain(error)
        if _UNKNOWN in str(error):
            raise _newer(home, error) from told.__cause__
        damage = damage_of(home) if isinstance(told, LakeError) else None
        raise (damage or told) from told.__cause__


def _newer(home: Home, error: Exception) -> NewerVersion:
    said = str(error).partition("\n")[0].rpartition(f"{_UNKNOWN}: ")[2]
    return NewerVersion(
        f"{home.uri} asks for more of the Delta protocol than this Forebay knows: {said}",
        remedy="upgrade Forebay, or use the program that changed the table; nothing was changed",
    )
