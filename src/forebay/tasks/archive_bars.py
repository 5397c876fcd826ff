"""Bars of the lake, of one ticker and timeframe, into a csv.lzo archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from forebay.failpoints import reach
from forebay.lake.reading.reader import Lake
from forebay.ledger.coverage import CoverageBook
from forebay.model.coverage import Coverage
from forebay.model.csv_lzo import BarArchive, Window
from forebay.model.task import Step, TaskDraft
from forebay.model.universe import Listing
from forebay.sinks.csv_lzo.objects import Objects
from forebay.sinks.csv_lzo.series import Series
from forebay.tasks.copies import Update, made_from
from forebay.tasks.lzo_copy import LzoCopy, keys_of


@dataclass(frozen=True, slots=True)
class ArchiveBars:
    """Brings one ticker's objects up to date with the lake.

    An object is sent only where it is not there with these bytes; what it replaces under another key goes last.
    """

    archive: BarArchive
    lake: Lake
    coverage: CoverageBook
    objects_at: Callable[[BarArchive], Objects]
    listing: Callable[[str], Listing | None]
    """What the reference data say of a ticker; None when it is not known."""

    def __call__(self, draft: TaskDraft, update: Update, step: Step) -> Iterator[Coverage]:
        """Send what the archive lacks. Raises LakeError, StoreError, VendorError, LeaseLost."""
        if not update.todo:
            return
        before = self._earlier(draft, update)
        window = self.archive.window
        copy = LzoCopy(self.lake, self.objects_at(self.archive), draft, update, self._series(draft))
        copy.objects.give_up(copy.series)
        now = list(copy.all() if window is Window.ALL else copy.days(window, step))
        reach("csv_lzo.all")
        copy.objects.remove(sorted(before - {key for row in now for key in keys_of(row)}))
        reach("csv_lzo.removed")
        yield from now

    def _series(self, draft: TaskDraft) -> Series:
        dataset, timeframe = made_from(draft)
        ticker = draft.partition.symbol
        known = self.listing(ticker)
        exchange, currency = (known.exchange, known.currency) if known else ("", "")
        return Series(ticker, dataset.asset_class, timeframe, exchange, currency)

    def _earlier(self, draft: TaskDraft, update: Update) -> set[str]:
        """The objects that the ledger knows of the dates which are written now."""
        rows = self.coverage.find(
            draft.destination, draft.partition.table, [draft.partition.symbol], update.span, limit=None
        )
        return {
            key
            for row in rows
            if any(
                row.partition.dates.start <= part.end and part.start <= row.partition.dates.end for part in update.todo
            )
            for key in keys_of(row)
        }
