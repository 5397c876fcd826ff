"""How many session dates compaction puts into one file: a property of each table, since one size cannot serve all."""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum

from forebay.lake.format.layout import partition_column, split_by_partition
from forebay.lake.home.home import Home
from forebay.lake.log import delta
from forebay.model.catalogue import LAKE_DATASETS, Kind
from forebay.model.intervals import Interval


class Span(StrEnum):
    """Longer ones make a ticker's years fast to read, shorter ones a day of all tickers. None crosses a partition."""

    DAY = "day"
    """Files of one day are never put together; what REST brought in pieces is."""
    WEEK = "week"
    """From Monday to Sunday, inside a month."""
    MONTH = "month"
    YEAR = "year"


_SPAN = re.compile(r"; span (\w+)$")
"""In a table's description, after the lake's format."""
_WEEK = timedelta(days=6)


def default_span(table: str) -> Span:
    """A year of day bars; a month of everything else."""
    return Span.YEAR if LAKE_DATASETS[table].kind is Kind.BARS_1D else Span.MONTH


def spans_of(table: str) -> list[Span]:
    """Those that a table can have: none is longer than its partitions."""
    return [span for span in Span if span is not Span.YEAR or partition_column(table) == "year"]


def span_around(table: str, span: Span, day: date) -> Interval:
    """The session dates that share files with `day`."""
    return next(dates for _, dates in split_by_partition(table, _around(span, day)) if day in dates)


def chosen_span(home: Home, table: str) -> Span:
    """The span of a table, by its description; the default where it says none. Raises LakeError."""
    found = _SPAN.search(delta.description(home))
    return Span(found[1]) if found and found[1] in list(Span) else default_span(table)


def choose_span(home: Home, span: Span) -> None:
    """Write the span into the table's description. Raises LakeError."""
    found = delta.description(home)
    delta.set_description(home, _SPAN.sub("", found) + f"; span {span}")


def _around(span: Span, day: date) -> Interval:
    if span is Span.DAY:
        return Interval(day, day)
    if span is Span.WEEK:
        monday = day - timedelta(days=day.weekday())
        return Interval(monday, monday + _WEEK)
    if span is Span.MONTH:
        return Interval(day.replace(day=1), _month_end(day))
    return Interval(day.replace(month=1, day=1), day.replace(month=12, day=31))


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
