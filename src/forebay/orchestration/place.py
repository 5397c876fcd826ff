"""Where a destination is: the ledger's coverage is about one place, and settings may come to name another."""

from __future__ import annotations

from collections.abc import Iterable

from forebay.errors import LakeError, UsageError
from forebay.lake.home.home import Home
from forebay.lake.log.entries import exists
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.coverage import Verdict
from forebay.model.feed import ARCHIVE, LAKE
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


def confirm_lake(ledger: Ledger, lake: Home, tables: Iterable[str]) -> None:
    """See that tables of which the ledger has rows are there. Raises LakeError for one that is not.

    Plans and what is shown come from the ledger alone: without its lake they would find that nothing is missing.
    """
    for table in sorted(set(tables)):
        held = ledger.coverage.find(LAKE, table, verdicts=[Verdict.COMPLETE], limit=1)
        if held and held[0].evidence.rows and not exists(lake.table(table)):
            raise LakeError(
                f"the ledger has rows of {table}, and there is no such table in the lake at {lake.uri}",
                remedy="let LAKE_URI name the right place, or mount its disk. If it is lost, `forebay lake load` fills "
                "it from the archive, `forebay lake verify --mend` asks the vendor again",
            )
