"""A sample of another program's file, compared with what the vendor says of the same sessions today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from forebay.errors import CheckFailed, NotEntitled
from forebay.files.columns import FILE_ROWS, PRICES, as_file_rows
from forebay.files.compare import adjustment
from forebay.files.names import TickerFile
from forebay.files.reading import dataset_of
from forebay.model.catalogue import Kind
from forebay.model.intervals import Interval
from forebay.orchestration.files_judge import bars_in
from forebay.vendor.rest import RestClient

_MINUTE_SESSIONS, _DAY_SESSIONS = 34, 50_000
"""Sessions that one call answers for any ticker: 50,000 base bars, and those that trade around the clock have 1,440."""
_ALIKE = 1e-6
"""How far two tellings of a price may differ, as a share of it: files keep fewer digits."""
_MOST_APART = 0.1
"""Share of the sessions compared that the vendor may have corrected since; with more, the file is not the vendor's."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of the comparison."""

    sessions: int
    apart: frozenset[date]
    """Sessions on which the vendor says something else: they are not taken over."""


def compare(file: TickerFile, days: Sequence[date], rest: RestClient, calls: int) -> Compared:
    """Compare the file with the vendor on some of `days` (sorted), the oldest first: there adjustments show most.

    Makes at most `calls` calls, each for as many sessions as one answer holds. Raises CheckFailed when prices were
    adjusted, when too many sessions differ, and when the vendor has or serves none of them; VendorError.
    """
    seen, apart, refusal, known = 0, set[date](), None, False
    for dates in windows(days, _size(file), calls):
        asked = [day for day in days if day in dates]
        try:
            answer = [rows for rows in rest.bars(file.ticker, file.timeframe, dates.start, dates.end) if rows.height]
        except NotEntitled as error:
            refusal = error
            continue
        theirs = _in(file, dates)
        ours = as_file_rows(pl.concat(answer)) if answer else pl.DataFrame(schema=FILE_ROWS)
        _refuse_adjusted(file, theirs, ours)
        known |= bool(answer)
        seen += len(asked)
        apart |= _apart(file, theirs, ours) & set(asked)
    if refusal and not seen:
        raise CheckFailed(
            f"{file.path} cannot be compared with the vendor: {refusal}",
            remedy="--sample 0 takes files over without a comparison",
        )
    if seen and not known:
        raise CheckFailed(
            f"{file.path}: the vendor has no bars of {file.ticker} in the {seen} sessions compared",
            remedy="tickers are case-sensitive: name folder and file as the vendor spells it",
        )
    if len(apart) > _MOST_APART * seen:
        raise CheckFailed(
            f"{file.path}: of {seen} sessions compared the vendor tells {len(apart)} otherwise, such as {min(apart)}",
            remedy="see whether its times are in UTC; nothing was taken over, `forebay sync` fetches what is missing",
        )
    return Compared(seen, frozenset(apart))


def windows(days: Sequence[date], size: int, calls: int) -> Iterator[Interval]:
    """At most `calls` stretches of at most `size` of the days, spread from the oldest to the newest."""
    most = max(len(days) - size, 0)
    starts = sorted({most * number // max(calls - 1, 1) for number in range(calls)}) if days else []
    last = -1
    for start in starts:
        first = max(start, last + 1)
        last = min(start + size, len(days)) - 1
        if first <= last:
            yield Interval(days[first], days[last])


def _size(file: TickerFile) -> int:
    return _DAY_SESSIONS if dataset_of(file).kind is Kind.BARS_1D else _MINUTE_SESSIONS


def _in(file: TickerFile, dates: Interval) -> pl.DataFrame:
    inside = pl.col("session_date").is_between(dates.start, dates.end)
    parts = [as_file_rows(rows.filter(inside)) for rows in bars_in(file)]
    return pl.concat([pl.DataFrame(schema=FILE_ROWS), *parts])


def _refuse_adjusted(file: TickerFile, theirs: pl.DataFrame, ours: pl.DataFrame) -> None:
    if factor := adjustment(theirs, ours):
        raise CheckFailed(
            f"{file.path} holds adjusted prices: {factor:g} times those that the vendor published",
            remedy="the lake keeps prices as published and adjusts when it is read; let `forebay sync` fetch them",
        )


def _apart(file: TickerFile, theirs: pl.DataFrame, ours: pl.DataFrame) -> set[date]:
    """The session dates on which a bar is missing on one side, or has another price or volume."""
    both = theirs.join(ours, on="timestamp", how="full", suffix="_ours", coalesce=True)
    price = [(pl.col(name) - pl.col(f"{name}_ours")).abs() <= _ALIKE * pl.col(f"{name}_ours").abs() for name in PRICES]
    volume = (pl.col("volume") - pl.col("volume_ours")).abs() < 1  # fractions of shares are new; older files have none
    same = pl.all_horizontal(*price, volume | pl.col("volume_ours").is_null()).fill_null(value=False)
    day = pl.col("timestamp").dt.convert_time_zone(dataset_of(file).timezone).dt.date()
    return set(both.filter(~same).select(day.unique()).to_series())
