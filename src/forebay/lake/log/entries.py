"""The files of a table's log: how they are named, and whether there are any. Needs no delta-rs, which loads slowly."""

from __future__ import annotations

import re

from forebay.lake.home.home import Home

LOG = "_delta_log"
DIGITS = 20
_ENTRY = re.compile(rf"/\d{{{DIGITS}}}(\.checkpoint\b.*)?\.(json|parquet)$")


def entry_of(version: int) -> str:
    """The log entry of a version, relative to the table."""
    return f"{LOG}/{version:0{DIGITS}}.json"


def exists(home: Home) -> bool:
    """Whether a table is there: its first entry, or any later one or a checkpoint that is left. Raises StoreError.

    delta-rs can tell too, but lets no other thread run while it waits for a bucket.
    """
    return home.look(entry_of(0)) is not None or any(_ENTRY.search(held.path) for held in home.list(LOG))
