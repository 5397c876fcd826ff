"""Cutting wanted days into tasks: one per flat file, or as few REST requests as the vendor's page size allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from forebay.model.calendar import session_days
from forebay.model.catalogue import Dataset, Kind
from forebay.model.feed import ARCHIVE
from forebay.model.instrument import encode_name
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.model.task import TaskDraft, TaskKind
from forebay.orchestration.gaps import Gaps, between, shapes
from forebay.orchestration.plan import Calls
from forebay.orchestration.wanted import Wish

PAGE_BARS = 50_000
"""Base bars in one REST page at most (REST page, section 2)."""
MOST_PAGES = 26
"""Pages of one task at most: five years of the busiest stock. A quiet one's five years are one page or two, and cutting
them by what a busy one needs would ask for each piece anew."""
_MINUTES = {"XNYS": 960, "forex": 1440, "24/7": 1440}
"""Minutes of one session date that can have a bar."""
_LEAD = timedelta(days=10 * 366)
"""Day bars by REST go before the minute bars of so many years: a few calls bring what users look at first."""
_REST_DATASETS = {Kind.BARS_1D: "rest/bars/1d", Kind.BARS_1M: "rest/bars/1m"}


@dataclass(frozen=True, slots=True)
class Request:
    """A range of dates of one symbol that is asked for in one go, and continued page by page."""

    dates: Interval
    pages: int
    """Calls it takes at most; one at least."""


def sessions_per_page(dataset: Dataset) -> int:
    """How many session dates of one symbol fit one page for certain."""
    if dataset.kind is Kind.BARS_1D:
        return PAGE_BARS
    minutes = 1440 if dataset.timezone == "America/Chicago" else _MINUTES[dataset.calendar]
    return PAGE_BARS // minutes


def requests(dataset: Dataset, days: Sequence[date], today: date | None = None) -> list[Request]:
    """The requests that bring `days` (sorted) of one symbol, from old to new.

    Days between that are held already are asked again where that saves a call for certain. `today` is asked for by
    itself: a plan may refuse the current day until it is over, and history must not wait for it.
    """
    if today is not None and days and days[-1] >= today:
        return requests(dataset, between(days, None, today)) + requests(dataset, between(days, today, None))
    size, found = sessions_per_page(dataset), list[tuple[int, int]]()
    sessions = session_days(dataset.calendar, days[0], days[-1]) if days else []
    for first, last in _runs(days, sessions):
        before = found[-1] if found else None
        if before and _saves(before, (first, last), size):
            found[-1] = (before[0], last)
        else:
            found += _pieces(first, last, MOST_PAGES * size)
    return [Request(Interval(sessions[a], sessions[b]), _pages(b - a + 1, size)) for a, b in found]


def _runs(days: Sequence[date], sessions: Sequence[date]) -> Iterator[tuple[int, int]]:
    """The unbroken runs of `days`, as their first and last places among `sessions`."""
    if len(days) == len(sessions):
        if days:
            yield 0, len(sessions) - 1
        return
    place = {day: index for index, day in enumerate(sessions)}
    first = last = place[days[0]]
    for day in days[1:]:
        here = place[day]
        if here > last + 1:
            yield first, last
            first = here
        last = here
    yield first, last


def _saves(before: tuple[int, int], run: tuple[int, int], size: int) -> bool:
    """Whether one request for both, and what is between them, takes fewer pages than two, however many bars trade."""
    together = _pages(run[1] - before[0] + 1, size)
    apart = _pages(before[1] - before[0] + 1, size) + _pages(run[1] - run[0] + 1, size)
    return together < apart and together <= MOST_PAGES


def _pieces(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(first, last + 1, size):
        yield start, min(start + size - 1, last)


def _pages(sessions: int, size: int) -> int:
    return -(-sessions // size)


def calls_of(dataset: Dataset, gaps: Gaps, today: date | None = None) -> Calls:
    """What REST takes for `gaps`; of the whole market one call for each day."""
    least = most = len(gaps.get(ALL_SYMBOLS, ()))
    for days, symbols in shapes(gaps):
        asked = requests(dataset, days, today)
        own = len(symbols) - (ALL_SYMBOLS in symbols)
        least += len(asked) * own
        most += sum(one.pages for one in asked) * own
    return Calls(least, most)


@dataclass(frozen=True, slots=True)
class Drafts:
    """Tasks, made anew each time they are gone through: a plan for ten thousand tickers keeps none of them."""

    make: Callable[[], Iterator[TaskDraft]]

    def __iter__(self) -> Iterator[TaskDraft]:
        return self.make()


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


def fetch_drafts(dataset: Dataset, gaps: Gaps, destination: str, today: date | None = None) -> Iterator[TaskDraft]:
    """The tasks that fetch `gaps` by REST: of the whole market (`*`) day by day, of a symbol in few long ranges."""
    ranges: dict[int, list[Interval]] = {}
    for symbol, days in gaps.items():
        if symbol == ALL_SYMBOLS:
            yield from (fetch_draft(dataset, symbol, Interval(day, day), destination) for day in days)
            continue
        if id(days) not in ranges:
            ranges[id(days)] = [one.dates for one in requests(dataset, days, today)]
        yield from (fetch_draft(dataset, symbol, dates, destination) for dates in ranges[id(days)])


def fetch_draft(dataset: Dataset, symbol: str, dates: Interval, destination: str) -> TaskDraft:
    """The task that fetches `symbol` (`*`: the whole market) over `dates` by REST."""
    name = symbol if symbol == ALL_SYMBOLS else encode_name(symbol)
    return TaskDraft(
        kind=TaskKind.FETCH,
        key=f"rest/{dataset.table}/{name}/{dates.start}..{dates.end}",
        dataset=_REST_DATASETS[dataset.kind],
        partition=Partition(dataset.table, symbol, dates),
        destination=destination,
        source=Source.REST,
        priority=_priority(dataset, dates.end + (_LEAD if dataset.kind is Kind.BARS_1D else timedelta())),
    )


def _priority(dataset: Dataset, day: date) -> int:
    """Fresh days before history; on one day the small day bars before the minutes."""
    return 2 * day.toordinal() + (dataset.kind is Kind.BARS_1D)
