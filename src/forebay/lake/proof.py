"""What a lake proves of itself: its files' names, row counts and marks, without any other memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from forebay.lake import delta
from forebay.lake.digest import digest
from forebay.lake.layout import FileName, parse_name, table_folder
from forebay.lake.moving import MARK_LENGTH, mark_of
from forebay.lake.staging import storage_errors
from forebay.model.partition import Revision


@dataclass(frozen=True, slots=True)
class Proof:
    """One file that belongs to a table."""

    path: Path
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
        with storage_errors(self.path):
            return next((each for each in candidates if mark_of(_origin(each), self.path) == self.name.mark), None)

    def is_delivery(self) -> bool:
        """Whether the file is as REST brought it, and not what stayed of others: then its dates are what was asked.

        Reads the file. A digest of another version of Polars says no.
        """
        with storage_errors(self.path):
            return digest([pl.read_parquet(self.path)])[:MARK_LENGTH] == self.name.mark


def _origin(revision: Revision) -> str:
    """How a revision enters the mark of its day's file."""
    return f"{revision.etag}|{revision.size}"


def proofs(root: Path, table: str) -> Iterator[Proof]:
    """Every file of a table that bears a name of ours, in the order of names; none where there is no table.

    Raises LakeError, NewerVersion.
    """
    folder = table_folder(root, table)
    if not delta.exists(folder):
        return
    added = pl.DataFrame(delta.open_table(folder).get_add_actions(flatten=True)).sort("path")
    for row in added.iter_rows(named=True):
        if name := parse_name(row["path"]):
            yield Proof(
                path=folder / row["path"],
                name=name,
                rows=row["num_records"],
                last_day=row.get("max.session_date"),
                committed_at=datetime.fromtimestamp(row["modification_time"] / 1000, UTC),
            )
