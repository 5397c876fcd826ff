"""Where a destination is: the ledger's coverage is about one place, and settings may come to name another."""

from __future__ import annotations

from forebay.errors import UsageError
from forebay.ledger import Ledger
from forebay.model.feed import ARCHIVE


def settle(ledger: Ledger, address: str) -> None:
    """Remember where the archive is. Raises UsageError when the ledger knows files of an archive elsewhere."""
    known = ledger.places.address(ARCHIVE)
    if known == address:
        return
    if known is not None and ledger.coverage.find(ARCHIVE, limit=1):
        raise UsageError(
            f"the ledger's archive is at {known}, and the settings now name {address}",
            remedy="set ARCHIVE_URI (or the B2_ settings) back; or, if the files have moved there, let "
            "`forebay ledger rebuild` record what the new place holds",
        )
    ledger.places.remember(ARCHIVE, address)
