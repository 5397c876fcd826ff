"""What a Parquet file of ours says of itself in its footer: no column is read, however large the file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

_EPOCH = date(1970, 1, 1).toordinal()


def rows_and_days(path: Path) -> tuple[int, date | None, date | None]:
    """How many rows a file has, and the first and the last of their session dates. Raises ArrowException, OSError."""
    footer = pq.read_metadata(path)
    place = footer.schema.names.index("session_date")
    found = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
    if not found:
        return footer.num_rows, None, None
    first, last = min(each.min_raw for each in found), max(each.max_raw for each in found)
    return footer.num_rows, date.fromordinal(_EPOCH + first), date.fromordinal(_EPOCH + last)
