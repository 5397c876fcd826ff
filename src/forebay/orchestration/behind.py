"""How far what is held is behind what the vendor has published: the freshness of each table that a feed keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from forebay.ledger import Ledger
from forebay.ledger.newest import newest_held, newest_listed
from forebay.model.calendar import published_by, session_days
from forebay.model.catalogue import Dataset
from forebay.model.feed import Feed, from_lake
from forebay.model.intervals import Interval

_WEEKS = timedelta(days=21)
"""Within which every calendar has a session that is published."""


@dataclass(frozen=True, slots=True)
class Behind:
    """One table at one destination, as of a moment."""

    table: str
    destination: str
    held: date | None
    """The newest session date of which anything is completely held."""
    published: date
    """The newest one that is wanted and published, by the listing or by the clock."""
    sessions: int
    """How many session dates that are wanted lie between them: 0 is fresh."""

    @property
    def age(self) -> timedelta | None:
        """Between the two dates; None where nothing is held."""
        return None if self.held is None else max(self.published - self.held, timedelta())


def behind(ledger: Ledger, feeds: Iterable[Feed], now: datetime, *, listed: bool = True) -> list[Behind]:
    """Each table that these feeds keep, in the lake and the archive; without `listed` published is by the clock alone.

    Raises LedgerError.
    """
    held = newest_held(ledger.database)
    listings = newest_listed(ledger.database) if listed else {}
    wanted: dict[tuple[str, str], tuple[Dataset, Interval]] = {}
    for destination, dataset, feed in _kept(feeds):
        newest = newest_published(dataset, listings.get(dataset.name), now)
        since, until = feed.start or dataset.first_date, min(newest, feed.end or newest)
        if since <= until:
            _, known = wanted.get((destination, dataset.table), (dataset, Interval(since, until)))
            span = Interval(min(since, known.start), max(until, known.end))
            wanted[destination, dataset.table] = (dataset, span)
    return [_of(*where, *what, held.get(where)) for where, what in sorted(wanted.items(), key=lambda each: each[0])]


def newest_published(dataset: Dataset, listed: date | None, now: datetime) -> date:
    """The newest session date that the vendor has listed, or should have published by now: whichever is later."""
    days = session_days(dataset.calendar, now.date() - _WEEKS, now.date())
    by_clock = max(day for day in days if published_by(day) <= now)
    return max(by_clock, listed or by_clock)


def _kept(feeds: Iterable[Feed]) -> Iterator[tuple[str, Dataset, Feed]]:
    for feed in feeds:
        for destination in feed.stores:
            if not from_lake(destination):
                yield from ((destination, dataset, feed) for dataset in feed.datasets)


def _of(destination: str, table: str, dataset: Dataset, wanted: Interval, held: date | None) -> Behind:
    first = max(wanted.start, dataset.first_date)
    since = first if held is None else max(first, held + timedelta(days=1))
    return Behind(table, destination, held, wanted.end, len(session_days(dataset.calendar, since, wanted.end)))
