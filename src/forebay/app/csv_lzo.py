"""What a csv.lzo archive is written with: its store, and what the reference data say of tickers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from forebay.clock import Clock
from forebay.errors import PermanentError
from forebay.model.calendar import NEW_YORK
from forebay.model.csv_lzo import BarArchive
from forebay.model.universe import Listing
from forebay.symbols.universes import Universes

if TYPE_CHECKING:
    from forebay.app.parts import Parts
    from forebay.sinks.csv_lzo.objects import Objects
    from forebay.vendor.rest import RestClient


def open_objects(app: Parts) -> Callable[[BarArchive], Objects]:
    """Opens an archive's objects, once; each asks its store once whether it takes tags."""
    from forebay.sinks.csv_lzo.objects import Objects
    from forebay.stores.address import bar_archive_store
    from forebay.stores.tagging import TagProbe

    opening = Lock()  # a cache alone opens twice for two threads that come at once

    @cache
    def opened(archive: BarArchive) -> Objects:
        store = bar_archive_store(archive.address, app.settings.aws, app.clock)
        return Objects(store, TagProbe(store, app.clock), app.settings.folders.tmp)

    def at(archive: BarArchive) -> Objects:
        with opening:
            return opened(archive)

    return at


@dataclass(frozen=True, slots=True)
class References:
    """Listings of tickers: those that are known, and those that the vendor is asked for once."""

    universes: Universes
    rest: RestClient | None
    """None where the vendor is not to be asked."""
    clock: Clock

    def __call__(self, ticker: str) -> Listing | None:
        """Who bears a ticker, or bore it last; None when that is not known. Raises VendorError for what may pass."""
        from forebay.symbols.unknown import unknown_tickers

        if self.rest is not None:  # asks only for those that are not known
            with suppress(PermanentError):  # the plan has no reference data
                unknown_tickers(self.rest, self.universes, [ticker], self.clock.now().astimezone(NEW_YORK).date())
        return self.universes.listing(ticker)
