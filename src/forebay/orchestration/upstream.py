"""What the vendor has, remembered in the ledger: its listing, so that planning and status need no network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forebay.errors import VendorUnavailable
from forebay.ledger import Ledger
from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval

if TYPE_CHECKING:
    from forebay.vendor.flatfiles import FlatFiles


@dataclass(frozen=True, slots=True)
class Upstream:
    """Keeps the ledger's picture of the vendor's bucket fresh."""

    flatfiles: FlatFiles
    ledger: Ledger

    def look(self, spans: Iterable[tuple[Dataset, Interval]]) -> int:
        """List each dataset over its span and remember it; the number of files that are new or re-published.

        One paged listing for each dataset, however many feeds want it. Raises VendorError; an empty listing of files
        that were listed before is one, for a login page in between reads like that.
        """
        changed = 0
        for dataset, span in _widest(spans).items():
            published = self.flatfiles.list(dataset, span.start, span.end)
            if not published.files and self.ledger.listings.revisions(dataset.name, span.start, span.end):
                raise lists_nothing(dataset)
            revisions = {file.day: file.revision for file in published}
            changed += len(self.ledger.listings.remember(dataset.name, revisions, span))
        return changed


def lists_nothing(dataset: Dataset) -> VendorUnavailable:
    """The error for a bucket without the files that are always there."""
    return VendorUnavailable(
        f"the vendor's bucket lists no files of {dataset.name}",
        remedy="try again later; if it stays so, see that FOREBAY_FLATFILES_URL is the vendor's and no login page is "
        "in between",
    )


def _widest(spans: Iterable[tuple[Dataset, Interval]]) -> dict[Dataset, Interval]:
    widest: dict[Dataset, Interval] = {}
    for dataset, span in spans:
        known = widest.get(dataset, span)
        widest[dataset] = Interval(min(known.start, span.start), max(known.end, span.end))
    return widest
