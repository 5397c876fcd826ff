"""What a lake proves of itself: its files' names, row counts and marks, without any other memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from forebay.lake import delta
from forebay.lake.digest import digest
from forebay.lake.home import Home, scan
from forebay.lake.layout import FileName, parse_name
from forebay.lake.moving import MARK_LENGTH, mark_from
from forebay.model.partition import Revision


@dataclass(frozen=True, slots=True)
class Proof:
    """One file that belongs to a table."""

    home: Home
    """Of its table."""
    path: str
    """Inside the table."""
    name: FileName
    rows: int
    last_day: date | None
    """The last session date that it has rows of; None where the log does not say."""
    committed_at: datetime
    """UTC, milliseconds."""

    def revision(self, candidates: Iterable[Revision]) -> Revision | None:
        """Which of these revisions of the vendor's file the rows came from; None when it is none of them.

        A day's file has a mark made of the revision and of its own bytes. Reads the file once for each candidate.
        """
        return next((each for each in candidates if self._mark(_origin(each)) == self.name.mark), None)

    def is_delivery(self) -> bool:
        """Whether the file is as REST brought it, and not what stayed of others: then its dates are what was asked.

        Reads the file. A digest of another version of Polars says no.
        """
        return digest([scan(self.home, [self.path]).collect()])[:MARK_LENGTH] == self.name.mark

    def _mark(self, origin: str) -> str:
        with self.home.open(self.path) as file:
            return mark_from(origin, file)


def _origin(revision: Revision) -> str:
    """How a revision enters the mark of its day's file."""
    return f"{revision.etag}|{revision.size}"


def proofs(lake: Home, table: str) -> Iterator[Proof]:
    """Every file of a table that bears a name of ours, in the order of names; none where there is no table.

    Raises LakeError, NewerVersion.
    """
    home = lake.table(table)
    if not delta.exists(home):
        return
    added = pl.DataFrame(delta.open_table(home).get_add_actions(flatten=True)).sort("path")
    for row in added.iter_rows(named=True):
        if name := parse_name(row["path"]):
            yield Proof(
                home=home,
                path=row["path"],
                name=name,
                rows=row["num_records"],
                last_day=row.get("max.session_date"),
                committed_at=datetime.fromtimestamp(row["modification_time"] / 1000, UTC),
            )
