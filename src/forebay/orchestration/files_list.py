"""Files of tickers as they lie in a folder, beside what the ledger knows of the lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from forebay.errors import CheckFailed
from forebay.files.names import TickerFile
from forebay.files.reading import dataset_of, read
from forebay.ledger.coverage import CoverageBook
from forebay.model.calendar import session_days
from forebay.model.feed import FILES, LAKE
from forebay.model.freshness import common, due
from forebay.model.intervals import Interval
from forebay.tasks.ticker_files import TickerFiles


@dataclass(frozen=True, slots=True)
class Listed:
    """One file."""

    ticker: str
    timeframe: str
    path: Path
    rows: int | None
    """None when it cannot be read."""
    first: datetime | None
    last: datetime | None
    """The times of its first and its last bar (UTC)."""
    lake: str
    """`as in the lake`, `12 sessions behind`, or why that is not known."""


def listed(file: TickerFile, files: TickerFiles, coverage: CoverageBook) -> Listed:
    """What a file holds, and how the lake compares if it is one of `files`, which feeds keep.

    Reads the file; raises LedgerError.
    """
    rows, first, last = 0, None, None
    try:
        for table in read(file):
            times = table["timestamp"].sort()
            rows += len(times)
            if len(times):
                first, last = min(first or times[0], times[0]), max(last or times[-1], times[-1])
    except CheckFailed as error:
        return Listed(file.ticker, file.timeframe, file.path, None, None, None, str(error))
    return Listed(file.ticker, file.timeframe, file.path, rows, first, last, _lake(file, files, coverage))


def _lake(file: TickerFile, files: TickerFiles, coverage: CoverageBook) -> str:
    dataset = dataset_of(file)
    kept = files.file(file.ticker, file.timeframe).path.resolve() == file.path.resolve()
    held = coverage.marks(FILES, f"{dataset.asset_class}/bars_{file.timeframe}", [file.ticker]).get(file.ticker)
    if not held or not kept:
        return "not kept by a feed"
    lake = [mark for marks in coverage.marks(LAKE, dataset.table, [file.ticker]).values() for mark in marks]
    since = [Interval(held[0].dates.start, date.max)]
    behind = sum(len(session_days(dataset.calendar, part.start, part.end)) for part in common(since, due(lake, held)))
    return f"{behind:,} sessions behind" if behind else "as in the lake"
