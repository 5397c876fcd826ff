"""One delivery into one table: plan against the newest state, put files in place, commit, and again on a conflict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Self

import polars as pl

from forebay.clock import Clock
from forebay.errors import LakeError
from forebay.failpoints import reach
from forebay.lake.format.deliveries import Delivery, facts, untouched
from forebay.lake.format.layout import is_compacted, partition_folder
from forebay.lake.format.parquet import RowWriter
from forebay.lake.format.tiles import compacted_writer
from forebay.lake.home.home import Conflict, scan
from forebay.lake.home.moving import mark_of
from forebay.lake.home.staging import Staging, storage_errors
from forebay.lake.log import delta
from forebay.lake.log.log import TableLog
from forebay.lake.sorting.remaining import Remaining
from forebay.lake.writing.damage import damage
from forebay.lake.writing.ownership import Giving, merged_name
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.rows import row_schema

MOST_ATTEMPTS = 10
"""Commits tried when other programs write to the table at the same time (ours wait for each other)."""
_FIRST_WAIT = 0.05


class Placing:
    """Used as `with ... as placing: while placing.again(): ...plan...; placing.commit(note)`."""

    def __init__(self, log: TableLog, table: str, staging: Staging, clock: Clock, random: Random) -> None:
        self.version = -1
        """The table's version after the commit."""
        self.new = False
        """Whether a commit was needed."""
        self._home, self._log, self._table, self._staging = log.home, log, table, staging
        self._clock, self._random = clock, random
        self._lock = self._home.writer(clock)
        self._attempt = 0
        self._done = False
        self._adds: list[delta.NewFile] = []
        self._removes: list[str] = []
        self._scanned: list[str] = []
        """What was read last, to say which file an error is about."""

    def __enter__(self) -> Self:
        self._lock.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            if error is not None:
                self._home.tidy(self._held_now)
        finally:
            self._lock.__exit__(None, None, None)
        if isinstance(error, pl.exceptions.PolarsError | OSError):  # of a plan that reads the table's files
            told = self._home.explain(error)
            found = damage(self._home, self._scanned, row_schema(LAKE_DATASETS[self._table])) or told
            raise found from told.__cause__

    def again(self) -> bool:
        """Load the newest state for a plan; False once committed. Raises LakeError after MOST_ATTEMPTS conflicts."""
        if self._done:
            return False
        if self._attempt == MOST_ATTEMPTS:
            raise LakeError(
                f"{self._home.uri}: other programs committed first {MOST_ATTEMPTS} times in a row",
                remedy="run it again when they are done; nothing of it was stored",
            )
        if self._attempt:
            self._clock.sleep(self._random.uniform(0, _FIRST_WAIT * 2**self._attempt))
        self._log.refresh()
        if not self._attempt:
            self._home.tidy(lambda: self._log.shelf)
        self._attempt += 1
        self._adds, self._removes = [], []
        return True

    def held(self, partition: str, symbol: str = ALL_SYMBOLS) -> list[str]:
        """The table's files of a partition that may have rows of `symbol`; `*`: all of them."""
        return self._log.shelf.partition(partition_folder(self._table, partition), symbol)

    def scan(self, paths: Iterable[str]) -> pl.LazyFrame:
        """The rows of some of the table's files, as a query."""
        self._scanned = list(paths)
        return scan(self._home, self._scanned)

    def write(
        self, tables: Iterable[pl.DataFrame], deliveries: Iterable[Delivery] = (), *, compacted: bool = False
    ) -> Path:
        """A file in staging with these rows, which are sorted already; its footer names their deliveries."""
        kind = compacted_writer if compacted else RowWriter
        path = self._staging.new_file()
        with storage_errors(self._staging.folder), kind(path, LAKE_DATASETS[self._table]) as writer:
            for table in tables:
                writer.write(table)
            writer.note(facts(deliveries))
        return path

    def put(self, staged: Path, target: str, rows: int) -> None:
        """Plan a file into the table, once it is proved: there, readable, with `rows` rows."""
        partition = target.split("/", 1)[0].partition("=")[2]
        here = staged.exists()  # if not, an earlier attempt of this delivery has put it there already
        with staged.open("rb") if here else self._home.open(target) as file:
            self._adds.append(delta.describe(file, target, partition, rows))
        if here:
            self._home.place(staged, target)
            reach("lake.placed")

    def take(self, givings: Iterable[Giving]) -> None:
        """Plan files out of the table; what stays of some is written into one file in their place."""
        for giving in givings:
            self._removes += giving.whole
            if giving.partly:
                self._rewrite(giving.partly, giving.goes.fill_null(value=False))

    def drop(self, paths: Iterable[str]) -> None:
        """Plan files out of the table whose rows are in others that are put."""
        self._removes += paths

    def _rewrite(self, paths: Sequence[str], goes: pl.Expr) -> None:
        gone = self.scan(paths).filter(goes).select("ticker", "session_date").unique().collect()
        if not gone.height:
            return
        rest = Remaining(self._home, LAKE_DATASETS[self._table], paths, ~goes)
        kept = untouched(rest.deliveries(), gone.iter_rows())
        written = self.write(rest.tables(), kept, compacted=is_compacted(paths[0]))
        found = pl.scan_parquet(written).select(pl.len(), pl.col("session_date").unique().implode()).collect()
        rows, days = found.row(0)
        if rows:
            mark = mark_of("|".join(sorted(paths)), written)
            partition = paths[0].split("/", 1)[0]
            self.put(written, f"{partition}/{merged_name(paths, days, mark)}", rows)
        else:
            written.unlink()
        self._removes += paths

    def commit(self, note: str, *, changes: bool = True) -> None:
        """Commit what was planned, if anything was; on a conflict the next `again` starts over.

        Without `changes` the same rows are only kept otherwise: who follows the table's rows may pass over the commit.
        """
        if self._adds or self._removes:
            reach("lake.planned")
            try:
                self._log.commit(self._adds, self._removes, self._clock.now(), {"forebay": note}, changes=changes)
            except Conflict:
                return
            self.new = True
            reach("lake.committed")
            self._home.tidy(lambda: self._log.shelf)
        self.version = self._log.version
        self._done = True

    def _held_now(self) -> list[str]:
        return delta.files(delta.open_table(self._home))
