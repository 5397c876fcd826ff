"""What a table holds of which session date, and which sessions of the calendar it holds nothing of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from itertools import groupby
from operator import gt, lt

import polars as pl

from forebay.lake.log.snapshot import ANY_DAY, LakeFile
from forebay.lake.reading.selecting import rows_as_stored
from forebay.lake.reading.tables import Selection
from forebay.model.calendar import session_days
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS

COVERAGE = pl.Schema(
    {
        "session_date": pl.Date(),
        "rows": pl.Int64(),
        "tickers": pl.Int64(),
        "sources": pl.List(pl.String()),
        "files": pl.Int64(),
    }
)
GAPS = pl.Schema({"ticker": pl.String(), "session_date": pl.Date()})


def coverage(found: Selection) -> pl.DataFrame:
    """A row (COVERAGE) for each session date that has rows in the selection, in their order.

    Three columns of the files are read, a partition at a time: a second or two for a month of the whole market.
    """
    months = [_told(found, list(files)) for _, files in groupby(_by_partition(found.files), _partition)]
    return pl.concat([pl.DataFrame(schema=COVERAGE), *months]).sort("session_date")


def gaps(found: Selection) -> pl.DataFrame:
    """The sessions (GAPS) of the calendar that the selection has no row of, ticker by ticker; `*` where all are asked.

    Where its dates are open, from the first to the last session date that the files tell of. A session whose dates are
    named and of which nothing at all is held is a gap, too.
    """
    held = _days(found)
    if found.tickers is None:
        held = held.select(pl.lit(ALL_SYMBOLS).alias("ticker"), "session_date").unique()
    sessions = _sessions(found, held["session_date"])
    tickers = pl.DataFrame({"ticker": list(found.tickers or [ALL_SYMBOLS])}, schema={"ticker": pl.String()})
    every = tickers.join(pl.DataFrame({"session_date": sessions}, schema={"session_date": pl.Date()}), how="cross")
    return every.join(held, on=GAPS.names(), how="anti").sort(GAPS.names())


def span(found: Selection) -> Interval | None:
    """The first and the last session date on which the selection has a row; None when it has none.

    Files are read from both ends until their names say that none of the rest reaches further.
    """
    day = pl.col("session_date")
    last = _furthest(found, day.max(), lambda file: _dates(file).end, gt)
    first = _furthest(found, day.min(), lambda file: _dates(file).start, lt) if last else None
    return Interval(first, last) if first and last else None


def _furthest(
    found: Selection, of_rows: pl.Expr, of_name: Callable[[LakeFile], date], beyond: Callable[[date, date], bool]
) -> date | None:
    """The first or last date in the selection. Files whose names reach furthest are read first, ever more at once."""
    files = sorted(found.files, key=of_name, reverse=beyond is gt)
    at, size, best = 0, 2, None
    while at < len(files) and (best is None or beyond(of_name(files[at]), best)):
        rows = rows_as_stored(found.home, found.dataset, files[at : at + size], found.dates, found.tickers)
        day: date | None = rows.select(of_rows).collect().item()
        if day and (best is None or beyond(day, best)):
            best = day
        at, size = at + size, size * 2
    return best


def _dates(file: LakeFile) -> Interval:
    return file.name.dates if file.name else ANY_DAY


def _told(found: Selection, files: list[LakeFile]) -> pl.DataFrame:
    parts = (
        _counts(found, file).with_columns(pl.lit(number, pl.Int64).alias("file")) for number, file in enumerate(files)
    )
    counts = pl.concat(parts)
    return (
        counts.group_by("session_date")
        .agg(
            pl.col("rows").sum(),
            pl.col("ticker").n_unique().cast(pl.Int64).alias("tickers"),
            pl.col("source").unique().sort().alias("sources"),
            pl.col("file").n_unique().cast(pl.Int64).alias("files"),
        )
        .cast(COVERAGE)
    )


def _counts(found: Selection, file: LakeFile) -> pl.DataFrame:
    """Rows of one file by session date, ticker and source."""
    rows = rows_as_stored(found.home, found.dataset, [file], found.dates, found.tickers)
    return rows.group_by("session_date", "ticker", "source").agg(pl.len().cast(pl.Int64).alias("rows")).collect()


def _days(found: Selection) -> pl.DataFrame:
    """Which ticker (`*` where all are asked and the file's name says enough) has rows on which session date."""
    told = [file for file in found.files if found.tickers is None and _tells_days(file)]
    named = [(ALL_SYMBOLS, day) for file in told if file.name for day in file.name.held() if day in found.dates]
    rest = [file for file in found.files if file not in told]
    rows = rows_as_stored(found.home, found.dataset, rest, found.dates, found.tickers)
    read = rows.select(GAPS.names()).unique().collect()
    return pl.concat([read, pl.DataFrame(named, schema=GAPS, orient="row")])


def _tells_days(file: LakeFile) -> bool:
    """Whether a file's name says of each day whether it has rows."""
    return file.name is not None and (file.name.days is not None or file.name.dates.days == 1)


def _sessions(found: Selection, held: pl.Series) -> list[date]:
    named = [file.name.dates for file in found.files if file.name]
    ends = [day for dates in named for day in (dates.start, dates.end)]
    start = min([*held, *ends], default=None) if found.dates.start == date.min else found.dates.start
    end = max([*held, *ends], default=None) if found.dates.end == date.max else found.dates.end
    if start is None or end is None:
        return []
    return session_days(found.dataset.calendar, start, end)


def _by_partition(files: Iterable[LakeFile]) -> list[LakeFile]:
    return sorted(files, key=_partition)


def _partition(file: LakeFile) -> str:
    return file.path.split("/", 1)[0]
