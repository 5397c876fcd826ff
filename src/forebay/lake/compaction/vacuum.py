"""Files that no version within the grace period needs: found by the log, never by guessing, and removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from forebay.failpoints import reach
from forebay.lake.format.layout import is_ours
from forebay.lake.home.home import Held
from forebay.lake.log import delta
from forebay.lake.log.removed import removed_by
from forebay.lake.writing.table import LakeTables

GRACE = timedelta(days=7)
"""How long a file stays after the log removed it: queries that run, readers of earlier versions."""


@dataclass(frozen=True, slots=True)
class Waste:
    """A file that may go."""

    path: str
    """Relative to its table."""
    size: int
    since: datetime
    """UTC: when the log removed it, or when it was written, if the log does not know it."""


@dataclass(frozen=True, slots=True)
class Vacuum:
    """Removes what is past its grace. Killed at any moment it leaves a whole table, and another run does the rest."""

    tables: LakeTables
    grace: timedelta = GRACE

    def look(self, table: str, now: datetime) -> list[Waste]:
        """What would go: of the log's removed files those past their grace, and files of ours that it never knew.

        Raises LakeError when there is no such table.
        """
        home = self.tables.home.table(table)
        there = [held for held in home.list() if _is_data(held.path)]  # before the log: what comes later is needed
        newest = delta.open_table(home)
        needed, removed = set(delta.files(newest)), removed_by(home, int(newest.version()))
        settled = now - home.settling
        spare = (held for held in there if held.path not in needed and held.modified_at <= settled)
        return [waste for held in spare if (waste := _waste(held, removed, now - self.grace))]

    def run(self, table: str, now: datetime) -> list[Waste]:
        """Remove it, one file after the other, as the table's only writer; what went."""
        home, gone = self.tables.home.table(table), []
        delta.keep_versions(home, self.grace)
        home.give_up(now - max(self.grace, home.settling))
        with home.writer(self.tables.clock):
            home.tidy(lambda: set(delta.files(delta.open_table(home))))
            for waste in self.look(table, now):
                reach("vacuum.removing")
                home.remove([waste.path])
                gone.append(waste)
        return gone


def _is_data(path: str) -> bool:
    """Whether a path is one where a table's rows are: in a partition, of no folder that engines pass over."""
    folder, _, name = path.partition("/")
    return "=" in folder and name.endswith(".parquet") and not folder.startswith(("_", "."))


def _waste(held: Held, removed: Mapping[str, datetime], until: datetime) -> Waste | None:
    """A file that the newest version does not have, if its time has come."""
    if held.path not in removed and not is_ours(held.path):
        return None  # another program may be about to commit it
    since = max(removed.get(held.path, held.modified_at), held.modified_at)  # in a bucket a writer may bring it again
    return Waste(held.path, held.size, since) if since <= until else None
