"""Bars as CSV text: RFC 4180 with LF, times in ISO 8601 and UTC. The same bars make the same bytes."""

from __future__ import annotations

from typing import IO

import polars as pl

CSV_TIME = "%Y-%m-%dT%H:%M:%SZ"


def write_csv(bars: pl.DataFrame, out: IO[bytes], *, header: bool) -> None:
    """Append `bars` (FILE_ROWS), with a line of column names first if `header`."""
    bars.write_csv(out, include_header=header, datetime_format=CSV_TIME)
