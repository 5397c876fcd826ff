"""What the log removed and when, as far back as it reaches: its newest checkpoint, and the entries after it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import polars as pl

from forebay.lake.home.home import Home, scan
from forebay.lake.log.entries import LOG, entry_of
from forebay.lake.log.history import actions_of

_CHECKPOINT = re.compile(r"/(\d{20})\.checkpoint(?:\.\d+\.\d+)?\.parquet$")
"""In one file or in several."""


def removed_by(home: Home, newest: int) -> dict[str, datetime]:
    """Files that the log removed by version `newest` (paths relative to the table), and when, UTC."""
    checkpoint, parts = newest_checkpoint(home, newest)
    found = {path: stamp for part in parts for path, stamp in _tombstones(home, part)}
    for version in range(checkpoint + 1, newest + 1):
        for action in actions_of(home.read(entry_of(version)) or b"") or []:
            if "remove" in action:
                found[unquote(action["remove"]["path"])] = _moment(action["remove"].get("deletionTimestamp"))
    return found


def newest_checkpoint(home: Home, until: int) -> tuple[int, list[str]]:
    """The newest checkpoint of a version up to `until`, and the files that it consists of; -1 where there is none."""
    parts: dict[int, list[str]] = {-1: []}
    for held in home.list(LOG):
        if (found := _CHECKPOINT.search(held.path)) and int(found[1]) <= until:
            parts.setdefault(int(found[1]), []).append(held.path)
    version = max(parts)
    return version, parts[version]


def _tombstones(home: Home, path: str) -> Iterator[tuple[str, datetime]]:
    removed = scan(home, [path]).select(pl.col("remove").struct.field("path", "deletionTimestamp"))
    for name, stamp in removed.filter(pl.col("path").is_not_null()).collect().iter_rows():
        yield unquote(name), _moment(stamp)


def _moment(stamp: Any) -> datetime:
    """When a file was removed; long ago where the log does not say, as the protocol has it."""
    return datetime.fromtimestamp((stamp or 0) / 1000, UTC)
