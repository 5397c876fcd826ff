"""Cutting wanted days into tasks: one per flat file, or as few REST requests as the vendor's page size allows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date

from forebay.model.calendar import session_days
from forebay.model.catalogue import Dataset, Kind
from forebay.model.feed import ARCHIVE
from forebay.model.instrument import encode_name
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.model.task import TaskDraft, TaskKind
from forebay.orchestration.wanted import Wish

PAGE_BARS = 50_000
"""Base bars in one REST page at most (REST page, section 2)."""
_MINUTES = {"XNYS": 960, "forex": 1440, "24/7": 1440}
"""Minutes of one session date that can have a bar."""
_REST_DATASETS = {Kind.BARS_1D: "rest/bars/1d", Kind.BARS_1M: "rest/bars/1m"}


def sessions_per_request(dataset: Dataset) -> int:
    """How many session dates of one symbol fit one page for certain."""
    if dataset.kind is Kind.BARS_1D:
        return PAGE_BARS
    minutes = 1440 if dataset.timezone == "America/Chicago" else _MINUTES[dataset.calendar]
    return PAGE_BARS // minutes


def file_draft(wish: Wish, day: date, revision: Revision) -> TaskDraft:
    """The task that takes one flat file where the wish wants it.

    A file that goes into both is archived first: the lake then reads the archive, and the vendor is asked once.
    """
    dataset, archived = wish.dataset, wish.destination == ARCHIVE
    return TaskDraft(
        kind=TaskKind.MIRROR if archived else TaskKind.LOAD,
        key=dataset.key(day),
        dataset=dataset.name,
        partition=Partition(dataset.table, ALL_SYMBOLS, Interval(day, day)),
        destination=wish.destination,
        source=Source.FLATFILE,
        revision=revision,
        priority=_priority(dataset, day),
        after=ARCHIVE if not archived and ARCHIVE in wish.feed.destinations else None,
    )


def fetch_drafts(dataset: Dataset, symbol: str, days: Sequence[date], destination: str) -> Iterator[TaskDraft]:
    """The tasks that fetch `symbol` on `days` (sorted): each from its first day to its last in one request.

    Days between that are held already are asked again when that saves a request; a hole longer than a page does not.
    """
    size = sessions_per_request(dataset) if symbol != ALL_SYMBOLS else 1
    sessions = session_days(dataset.calendar, days[0], days[-1]) if days else []
    asked: list[date] = []
    for day in days:
        if asked and bisect_left(sessions, day) - bisect_left(sessions, asked[0]) >= size:
            yield _fetch_draft(dataset, symbol, Interval(asked[0], asked[-1]), destination)
            asked = []
        asked.append(day)
    if asked:
        yield _fetch_draft(dataset, symbol, Interval(asked[0], asked[-1]), destination)


def _fetch_draft(dataset: Dataset, symbol: str, dates: Interval, destination: str) -> TaskDraft:
    name = symbol if symbol == ALL_SYMBOLS else encode_name(symbol)
    return TaskDraft(
        kind=TaskKind.FETCH,
        key=f"rest/{dataset.table}/{name}/{dates.start}..{dates.end}",
        dataset=_REST_DATASETS[dataset.kind],
        partition=Partition(dataset.table, symbol, dates),
        destination=destination,
        source=Source.REST,
        priority=_priority(dataset, dates.end),
    )


def _priority(dataset: Dataset, day: date) -> int:
    """Fresh days before history; on one day the small day bars before the minutes."""
    return 2 * day.toordinal() + (dataset.kind is Kind.BARS_1D)
