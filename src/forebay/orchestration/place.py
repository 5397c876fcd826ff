"""Where a destination is: the ledger's coverage is about one place, and settings may come to name another."""

from __future__ import annotations

from forebay.errors import UsageError
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.feed import ARCHIVE
from forebay.model.task import TaskState


def settle(ledger: Ledger, address: str) -> None:
    """Remember where the archive is. Raises UsageError when the ledger has files or tasks of an archive elsewhere.

    A worker whose settings lack the bucket must not fill a folder of its own with what is queued for the bucket.
    """
    known = ledger.places.address(ARCHIVE)
    if known == address:
        return
    unfinished = TaskFilter(destination=ARCHIVE, states=[state for state in TaskState if not state.over])
    if known is not None and (ledger.coverage.find(ARCHIVE, limit=1) or ledger.tasks.find(unfinished, limit=1)):
        raise UsageError(
            f"the ledger's archive is at {known}, and the settings now name {address}",
            remedy="set ARCHIVE_URI (or the B2_ settings) back; or, if the new place is right, let "
            "`forebay ledger rebuild` record what it holds",
        )
    ledger.places.remember(ARCHIVE, address)
