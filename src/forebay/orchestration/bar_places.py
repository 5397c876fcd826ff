"""Places of csv.lzo archives: each holds objects of one window, for those of an hour and of a day may share a key."""

from __future__ import annotations

from collections.abc import Iterable

from forebay.errors import UsageError
from forebay.ledger import Ledger
from forebay.model.csv_lzo import BarArchive, bar_archive
from forebay.model.feed import Feed


def refuse_shared_places(ledger: Ledger, feeds: Iterable[Feed]) -> None:
    """Raise UsageError for an archive of `feeds` where objects of another window are, or are to come."""
    wanted = _archives(feeds)
    if not wanted:
        return
    held = {archive for name in ledger.coverage.destinations() if (archive := bar_archive(name))}
    others = sorted(wanted | held | _archives(ledger.feeds.list()), key=str)
    for one, other in ((one, other) for one in sorted(wanted, key=str) for other in others):
        if one.address == other.address and one.window is not other.window:
            raise UsageError(
                f"{one.address} is for objects that cover {other.window}, and those of {one.window} would share "
                "their keys",
                remedy=f"give another place, such as {one.address}/{one.window}",
            )


def _archives(feeds: Iterable[Feed]) -> set[BarArchive]:
    return {archive for feed in feeds for name in feed.destinations if (archive := bar_archive(name))}
