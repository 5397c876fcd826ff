"""Pages to batches of whole sessions: what may be stored while more pages are still to come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import polars as pl

from forebay.model.intervals import Interval

_DAY = timedelta(days=1)


class Pages(Protocol):
    """Bars of one ticker, page by page, sorted by time."""

    @property
    def more(self) -> bool:
        """Whether a page is left to be asked for."""

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """The pages, none of them empty."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Every bar of some session dates."""

    rows: list[pl.DataFrame]
    """In order; none means that nothing traded."""
    dates: Interval
    newest: date | None
    """The last session date that a bar was seen of, here or on the page after."""
    last: bool = True
    """Nothing is left to be asked for."""


def by_session(pages: Pages, dates: Interval) -> Iterator[Batch]:
    """Cut `pages` into batches that together are `dates`: one at the end of each page, without its last session.

    A session that a page's end may have cut waits for the next page, so that a batch is never a part of a day.
    """
    start, carried, newest = dates.start, list[pl.DataFrame](), None
    for page in pages:
        newest = page["session_date"][-1]
        if not pages.more:
            carried.append(page)
            break
        rows = [*carried, page]
        if newest > start:
            whole = [part.filter(pl.col("session_date") < newest) for part in rows]
            yield Batch(whole, Interval(start, newest - _DAY), newest, last=False)
            start = newest
        carried = [part.filter(pl.col("session_date") == newest) for part in rows]
    yield Batch(carried, Interval(start, dates.end), newest)
