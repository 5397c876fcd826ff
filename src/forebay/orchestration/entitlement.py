"""How far back the user's plan reaches, dataset by dataset: asked once in a while, remembered in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from forebay.errors import NotEntitled
from forebay.ledger import Ledger
from forebay.model.calendar import last_complete_session
from forebay.model.catalogue import Dataset
from forebay.vendor.flatfiles import FlatFiles, Published
from forebay.vendor.rest import RestClient

ASK_AGAIN = timedelta(days=7)
"""A plan changes seldom, and asking costs calls."""
_WINDOWS = (None, 10, 5, 2)
"""Years of history the vendor sells, longest first; None is all of it (vendor README, section 2)."""
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
    """Finds the oldest session date that the plan serves. A plan's history is one unbroken stretch up to today."""

    ledger: Ledger
    flatfiles: FlatFiles | None
    rest: RestClient | None
    now: datetime

    def first_day(self, dataset: Dataset) -> date:
        """The oldest date served, from memory where that is young enough.

        Raises NotEntitled when the dataset is not in the plan at all, VendorError.
        """
        known = self.ledger.entitlements.first_day(dataset.name, since=self.now - ASK_AGAIN)
        if known is None:
            known = self._of_files(dataset) if self.flatfiles else self._of_rest(dataset)
            self.ledger.entitlements.remember(dataset.name, known, self.now)
        return known

    def _of_files(self, dataset: Dataset) -> date:
        files = self.flatfiles
        assert files is not None
        published = files.list(dataset, dataset.first_date, self.now.date()).files
        return oldest_served(published, lambda file: _head(files, file)) if published else dataset.first_date

    def _of_rest(self, dataset: Dataset) -> date:
        rest = self.rest
        assert rest is not None
        timeframe = dataset.kind.removeprefix("bars_")
        newest = last_complete_session(dataset.calendar, self.now)
        refused = rest.entitlement(PROBES[dataset.asset_class], timeframe, newest)
        if not refused.granted:
            raise _not_in_plan(dataset.name, refused.reason)
        for years in _WINDOWS:
            day = dataset.first_date if years is None else self.now.date() - timedelta(days=365 * years - 1)
            if day >= dataset.first_date and rest.entitlement(PROBES[dataset.asset_class], timeframe, day).granted:
                return day
        return newest


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


def _not_in_plan(dataset: str, reason: str) -> NotEntitled:
    return NotEntitled(
        f"your plan does not include {dataset}: {reason}",
        remedy="remove the dataset from the feed, or extend the plan at the vendor",
    )
