"""The history of a symbol's sources: which of them brought which sessions, when, and what was replaced since."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from forebay.ledger.provenance import Provenance, Recorded
from forebay.model.calendar import session_days
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.coverage import Verdict
from forebay.model.intervals import Interval, subtract
from forebay.model.partition import ALL_SYMBOLS, Source


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sessions that follow each other and came from one source with one verdict."""

    table: str
    source: Source
    verdict: Verdict
    whole_market: bool
    dates: Interval
    sessions: int
    owned: int
    """Of these, how many no better source has brought since."""
    rows: int | None
    """As they came; None where the whole market came at once."""
    since: datetime
    """When the first of them was recorded, and the last (UTC)."""
    until: datetime
    published: datetime | None
    """When the vendor last changed one of the files (UTC)."""


def history(recorded: Provenance, symbol: str, spans: Mapping[str, Interval]) -> list[Stretch]:
    """The stretches of each table, the newest first; `spans` say from when to when each has rows of the symbol.

    Findings about what is not held are left out. Raises LedgerError.
    """
    found: list[Stretch] = []
    for table, span in spans.items():
        sessions = session_days(LAKE_DATASETS[table].calendar, span.start, span.end)
        months = [month for month in recorded.months(table) if _meets(month.dates, span)]
        rows = [*recorded.rows(table, [symbol, ALL_SYMBOLS]), *_unbroken(recorded, months, sessions)]
        brought = [_within(row, span) for row in rows if row.source is not Source.LAKE and _meets(row.dates, span)]
        found += _stretches(brought, sessions)
    return sorted(found, key=lambda each: (each.table, each.dates.end, each.source.rank), reverse=True)


def _unbroken(recorded: Provenance, months: Iterable[Recorded], sessions: Sequence[date]) -> Iterator[Recorded]:
    """The whole market's days: months of which no session lacks between the first and the last, others day by day."""
    for month in months:
        if month.days == _count(sessions, month.dates):
            yield month
        else:
            alike = (month.source, month.verdict)
            days = recorded.rows(month.table, [ALL_SYMBOLS], month.dates)
            yield from (day for day in days if (day.source, day.verdict) == alike)


def _meets(one: Interval, other: Interval) -> bool:
    return one.start <= other.end and other.start <= one.end


def _within(row: Recorded, span: Interval) -> Recorded:
    return replace(row, dates=Interval(max(row.dates.start, span.start), min(row.dates.end, span.end)))


def _stretches(rows: Sequence[Recorded], sessions: Sequence[date]) -> Iterator[Stretch]:
    ordered = sorted(rows, key=lambda row: (*_alike(row), row.dates))
    for _, alike in groupby(ordered, _alike):
        for run in _runs(alike, sessions):
            yield _stretch(run, rows, sessions)


def _alike(row: Recorded) -> tuple[bool, int, str]:
    return row.symbol == ALL_SYMBOLS, row.source.rank, row.verdict


def _runs(rows: Iterable[Recorded], sessions: Sequence[date]) -> Iterator[list[Recorded]]:
    """Rows between which no session lies, together."""
    run: list[Recorded] = []
    for row in rows:
        if run and bisect_right(sessions, run[-1].dates.end) < bisect_left(sessions, row.dates.start):
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _stretch(run: Sequence[Recorded], rows: Iterable[Recorded], sessions: Sequence[date]) -> Stretch:
    one, dates = run[0], Interval(run[0].dates.start, max(row.dates.end for row in run))
    better = [row.dates for row in rows if row.source.rank > one.source.rank and row.verdict.satisfies]
    counts = [row.rows for row in run if row.rows is not None]
    whole_market = one.symbol == ALL_SYMBOLS
    return Stretch(
        one.table,
        one.source,
        one.verdict,
        whole_market,
        dates,
        _count(sessions, dates),
        sum(_count(sessions, left) for left in subtract([dates], better)),
        None if whole_market or not counts else sum(counts),
        min(row.since for row in run),
        max(row.until for row in run),
        max((row.published for row in run if row.published), default=None),
    )


def _count(sessions: Sequence[date], dates: Interval) -> int:
    return bisect_right(sessions, dates.end) - bisect_left(sessions, dates.start)
