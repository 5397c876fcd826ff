"""How far back the user's plan reaches, dataset by dataset: asked once in a while, remembered in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from forebay.errors import NotEntitled, TemporaryError, UsageError
from forebay.ledger import Ledger
from forebay.model.calendar import last_complete_session
from forebay.model.catalogue import Dataset
from forebay.model.feed import Feed, SourceChoice
from forebay.orchestration.grouped import GROUPED_TABLES
from forebay.orchestration.upstream import lists_nothing
from forebay.orchestration.wanted import Reach

if TYPE_CHECKING:
    from forebay.vendor.flatfiles import FlatFiles, Published
    from forebay.vendor.rest import RestClient

ASK_AGAIN = timedelta(days=1)
"""A plan's history rolls: its first day moves on every day."""
_MARGIN = timedelta(days=3)
"""Days kept clear of a window's edge by REST, which silently leaves out what lies beyond it."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_WINDOWS = (2, 5, 10, None)
"""Years of history the vendor sells, shortest first; None is all of it (vendor README, section 2)."""
_S3_KEYS = "POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY"
_KEYS = {
    SourceChoice.AUTO: f"POLYGON_API_KEY, or {_S3_KEYS}, or all three",
    SourceChoice.REST: "POLYGON_API_KEY",
    SourceChoice.FLATFILES: _S3_KEYS,
}
PROBES = {
    "stocks": "AAPL",
    "options": "O:SPY251219C00650000",
    "indices": "I:SPX",
    "crypto": "X:BTCUSD",
    "forex": "C:EURUSD",
}
"""A ticker of each class to ask about; an unknown one answers with no rows, which is an answer too."""


@dataclass(frozen=True, slots=True)
class Entitlements:
    """Finds what the plan serves. A plan's history is one unbroken stretch up to today."""

    ledger: Ledger
    flatfiles: FlatFiles | None
    rest: RestClient | None
    now: datetime

    def reach(self, feed: Feed, dataset: Dataset) -> Reach:
        """What the plan serves of the dataset by the feed's source, from memory where that is young enough.

        A feed that leaves the source open takes REST where the plan has no flat files of the dataset. Raises UsageError
        when there is no key for it, NotEntitled when it is not in the plan at all, VendorError when nobody can tell.
        """
        files = None if feed.source is SourceChoice.REST else self.flatfiles
        rest = None if feed.source is SourceChoice.FLATFILES or not dataset.by_rest else self.rest
        if files is None and rest is None:
            raise _no_key(feed, dataset)
        if files is not None:
            try:
                return Reach(self._first_day(dataset.name, lambda: _of_files(files, dataset, self.now)))
            except NotEntitled:
                if rest is None or not _fits_rest(feed, dataset):
                    raise
        assert rest is not None
        return Reach(self._first_day_by_rest(rest, feed, dataset), files=files is None)

    def _first_day_by_rest(self, rest: RestClient, feed: Feed, dataset: Dataset) -> date:
        try:
            return self._first_day(_rest_name(dataset), lambda: _of_rest(rest, dataset, self.now))
        except TemporaryError:
            if feed.start is None:
                raise
            return feed.start  # the tasks have more patience, and will tell

    def _first_day(self, name: str, ask: Callable[[], date]) -> date:
        known = self.ledger.entitlements.first_day(name, since=self.now - ASK_AGAIN)
        if known is None:
            known = ask()
            self.ledger.entitlements.remember(name, known, self.now)
        return known


def remembered_reach(ledger: Ledger, feed: Feed, dataset: Dataset) -> Reach:
    """What the ledger remembers of the plan, however old; asks nobody."""
    by_rest = [_rest_name(dataset)] if dataset.by_rest else []
    names = by_rest if feed.source is SourceChoice.REST else [dataset.name, *by_rest]
    known = (ledger.entitlements.first_day(name, since=_EVER) for name in names)
    return Reach(next((day for day in known if day), dataset.first_date))


def _rest_name(dataset: Dataset) -> str:
    return f"rest/{dataset.asset_class}"  # plans are bought by asset class


def _fits_rest(feed: Feed, dataset: Dataset) -> bool:
    """REST gives one symbol at a time, but for the whole market's day bars of some classes."""
    return feed.symbols is not None or dataset.table in GROUPED_TABLES


def _of_files(files: FlatFiles, dataset: Dataset, now: datetime) -> date:
    published = files.list(dataset, dataset.first_date, now.date()).files
    if not published:
        raise lists_nothing(dataset)
    return oldest_served(published, lambda file: _head(files, file))


def _of_rest(rest: RestClient, dataset: Dataset, now: datetime) -> date:
    """Two calls on the free plan: the windows are asked from the shortest up, until one is refused."""
    probe, oldest = PROBES[dataset.asset_class], None
    for years in _WINDOWS:
        day = now.date() - timedelta(days=365 * years) + _MARGIN if years else dataset.first_date
        if day < dataset.first_date or not rest.entitlement(probe, "1d", day).granted:
            break
        oldest = day
    if oldest is None:
        # not today's session: some plans refuse it until the day is over
        newest = last_complete_session(dataset.calendar, now - timedelta(days=1))
        answer = rest.entitlement(probe, "1d", newest)
        if not answer.granted:
            raise _not_in_plan(dataset.name, answer.reason)
        return newest
    return oldest


def oldest_served(published: Sequence[Published], served: Callable[[Published], bool]) -> date:
    """Bisect a sorted listing for the first file that is served; the newest is asked first, to fail fast.

    Raises NotEntitled when not even that one is.
    """
    if not served(published[-1]):
        raise _not_in_plan(published[-1].key.rsplit("/", 3)[0], f"{published[-1].key} is refused")
    low, high = 0, len(published) - 1
    while low < high:
        middle = (low + high) // 2
        if served(published[middle]):
            high = middle
        else:
            low = middle + 1
    return published[high].day


def _head(files: FlatFiles, file: Published) -> bool:
    try:
        files.head(file.key)
    except NotEntitled:
        return False
    return True


def _no_key(feed: Feed, dataset: Dataset) -> UsageError:
    keys = _KEYS[feed.source] if dataset.by_rest else _S3_KEYS
    return UsageError(
        f"feed {feed.name!r} wants {dataset.name}, and no key for it is set",
        remedy=f"put {keys} into .env (from the vendor's dashboard); `forebay sandbox` needs no account",
    )


def _not_in_plan(dataset: str, reason: str) -> NotEntitled:
    return NotEntitled(
        f"your plan does not include {dataset}: {reason}",
        remedy="remove the dataset from the feed, or extend the plan at the vendor",
    )
