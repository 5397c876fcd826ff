"""Files of a span put together: merged and proved without the table's lock, then exchanged for the old in one commit.

The old files stay on disk, for those who read an earlier version, until a vacuum after the grace period.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil

from forebay.ahead import ahead
from forebay.errors import LakeError
from forebay.failpoints import reach
from forebay.lake.compaction.plan import Work, plan
from forebay.lake.compaction.proving import Proving
from forebay.lake.compaction.spans import chosen_span
from forebay.lake.format import tiles
from forebay.lake.format.layout import compacted_name
from forebay.lake.home.moving import mark_of
from forebay.lake.home.staging import storage_errors
from forebay.lake.log.versions import Versions
from forebay.lake.sorting.cutting import FILE_ROWS, Cutter, Target, Written
from forebay.lake.sorting.merging import Merge
from forebay.lake.sorting.remaining import deliveries_of
from forebay.lake.sorting.runs import Run
from forebay.lake.sorting.sums import Sums
from forebay.lake.writing.table import LakeTables
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.intervals import Interval

Advance = Callable[[int], None]
"""Told how many more rows were merged."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of some files."""

    work: Work
    rows: int
    sums: str
    """Of the rows before and after, which are the same: see `forebay.lake.sorting.sums`."""
    files: int
    """How many there are now."""
    bytes: int
    """Their size together."""
    version: int
    """Of the table, that has them."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """Compacts tables of a lake. Safe beside writers and other compactions: who was late begins again."""

    tables: LakeTables
    file_rows: int = FILE_ROWS

    def plan(self, table: str, dates: Interval | None = None) -> list[Work]:
        """What there is to do in a table, now, inside `dates`. Raises LakeError when there is no such table."""
        home = self.tables.home.table(table)
        works = plan(table, chosen_span(home, table), Versions(home, table).newest().files(dates))
        return [work for work in works if dates is None or (work.dates.start in dates and work.dates.end in dates)]

    def run(self, work: Work, advance: Advance = lambda _: None) -> Compacted | None:
        """Do it; None when some of the files were replaced meanwhile: what replaced them stays, and is to be planned.

        Raises LakeError when a file cannot be read or what was written is not what was read, StoreError when the disk
        is full: the lake is then as it was.
        """
        proving = Proving()
        try:
            with proving, storage_errors(self.tables.disk):
                read = self._merge(work, proving, advance)
            reach("compact.written")
            if not (proving.found == read and read.rows == work.rows):
                raise LakeError(
                    f"{work}: {work.rows} rows by the log, {read.rows} read ({read}), {proving.found.rows} written "
                    f"({proving.found})",
                    remedy="nothing was changed; `forebay lake verify` finds the damaged file",
                )
            reach("compact.proved")
            return self._exchange(work, read, proving.written)
        finally:
            proving.discard()

    def _merge(self, work: Work, proving: Proving, advance: Advance) -> Sums:
        """Write the new files; what the old ones add up to."""
        home, dataset = self.tables.home.table(work.table), LAKE_DATASETS[work.table]
        runs = [Run(home, path, dataset) for path in work.paths]
        merge = Merge(runs, compacted=True, rows=len(work.spans) * min(tiles.TILE_ROWS, self.file_rows))
        target = Target(
            dataset=dataset,
            source=work.source,
            deliveries=deliveries_of(home, work.paths),
            new_file=self.tables.new_file,
            file_rows=self._share(work),
            done=proving.add,
        )
        with ExitStack() as open_files:
            cutters = [open_files.enter_context(Cutter(target, dates)) for dates in work.spans]
            for rows in ahead(merge, "merge", most=4):
                for cutter in cutters:
                    cutter.write(rows)
                advance(rows.height)
        return merge.read

    def _share(self, work: Work) -> int:
        """Rows of a file, so that the last is no smaller than the others; spans may be of any sizes."""
        if len(work.spans) > 1:
            return self.file_rows
        files = max(1, round(work.rows / self.file_rows))
        return max(1, ceil(work.rows / files))

    def _exchange(self, work: Work, read: Sums, written: Sequence[Written]) -> Compacted | None:
        targets = {_target(work, each): each for each in written}
        note = f"{work} compacted: {len(work.files)} files to {len(written)}, {read.rows} rows, {read}"
        with self.tables.placing(work.table) as placing:
            while placing.again():
                held = placing.held(work.partition.partition("=")[2])
                if not set(work.paths) <= set(held):
                    return None
                for path, each in targets.items():
                    placing.put(each.path, path, each.rows)
                placing.drop(work.paths)
                placing.commit(note, changes=False)
        size = sum(each.bytes for each in written)
        return Compacted(work, read.rows, str(read), len(written), size, placing.version)


def _target(work: Work, written: Written) -> str:
    mark = mark_of("|".join(sorted(work.paths)), written.path)
    return f"{work.partition}/{compacted_name(written.days, work.source, mark)}"
