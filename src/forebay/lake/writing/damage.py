"""Which of a table's files an engine stumbled over: its own words name none of them, or not in full."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from forebay.errors import LakeError
from forebay.lake.home.home import Home

_REMEDY = "`forebay lake verify --mend` sets damaged files aside and fetches their days anew"


def damage(home: Home, paths: Iterable[str], columns: Iterable[str]) -> LakeError | None:
    """The error for the first of these files that is no whole Parquet file with these columns; None when all are.

    Reads their footers. Raises StoreError.
    """
    wanted = list(columns)
    for path in paths:
        reason = _reason(home, path, wanted)
        if reason:
            return LakeError(f"{home.source(path)} belongs to the table and {reason}", remedy=_REMEDY)
    return None


def _reason(home: Home, path: str, columns: list[str]) -> str:
    if home.look(path) is None:
        return "is gone"
    try:
        with home.open(path) as file:
            found = pq.read_schema(file).names
    except (pa.ArrowException, OSError, ValueError) as error:
        return f"cannot be read: {error}"
    missing = [name for name in columns if name not in found]
    return f"has no column {missing[0]}; it has {', '.join(found)}" if missing else ""
