"""What is in quarantine, tried again: the file is loaded anew, or the kept rows are checked by the rules of today."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import polars as pl

from forebay.clock import Clock
from forebay.errors import CheckFailed, Damaged, StoreError, UsageError
from forebay.lake.intake.note import End, Quarantined
from forebay.lake.intake.quarantine import Quarantine
from forebay.lake.intake.replaying import sound_rows
from forebay.lake.verification.verify import TableReader
from forebay.lake.writing.table import LakeTables
from forebay.ledger import Ledger
from forebay.model.catalogue import BARS, LAKE_DATASETS, Dataset
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE
from forebay.model.partition import Revision, Source
from forebay.model.rows import plain_schema
from forebay.model.task import Task, TaskDraft, TaskState
from forebay.orchestration.mend import reload_draft

CanLoad = Callable[[str, Revision], bool]
"""Whether the archive holds a file's revision, or the vendor can be asked for it."""
CarryOut = Callable[[Sequence[TaskDraft]], list[Task]]
"""Works tasks off; returns those that did not end well."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one thing."""

    note: Quarantined
    """As it is now."""
    taken: int
    """Rows that are in the lake now and were not before; of a file that was loaded anew those that are good now."""
    left: int
    """Rows that still fail."""
    said: str

    @property
    def done(self) -> bool:
        """Nothing of it is left to do."""
        return self.note.ended is not None


@dataclass(frozen=True, slots=True)
class Replay:
    """Tries again. The same replay twice changes nothing the second time; what fails stays, with its reason of now."""

    ledger: Ledger
    quarantine: Quarantine
    tables: LakeTables
    clock: Clock
    can_load: CanLoad
    carry_out: CarryOut

    def replay(self, note: Quarantined) -> Replayed:
        """Load the vendor's file anew where it was one, from the archive or the vendor; else check the kept rows.

        Raises LakeError, LedgerError, StoreError.
        """
        dataset = LAKE_DATASETS.get(note.table)
        if dataset is None:
            return Replayed(note, 0, note.rows, f"the lake has no table {note.table}")
        revision = self._revision(dataset, note)
        if revision and self.can_load(note.key, revision):
            failed = self.carry_out([reload_draft(dataset, note.day, revision)])
            if not any(_is_out_of_reach(task) for task in failed):
                return self._loaded(note)
        if note.rows_path and dataset.kind in BARS:
            return self._checked(note, dataset)
        return Replayed(note, 0, note.rows, "its file cannot be had now, and its rows were not kept or are no bars")

    def _revision(self, dataset: Dataset, note: Quarantined) -> Revision | None:
        """The newest that is known of the day's file; None for what did not come from one."""
        if note.key != dataset.key(note.day):
            return None
        listed = self.ledger.listings.revisions(dataset.name, note.day, note.day).get(note.day)
        held = self.ledger.coverage.revisions(LAKE, note.table, note.partition.dates).get(note.day)
        return listed or held

    def _loaded(self, note: Quarantined) -> Replayed:
        """By what the load recorded: good now, or again in quarantine, perhaps with fewer rows."""
        row = self._coverage(note)
        if row and row.verdict.satisfies:
            return self._end(note, max(note.rows, 0), f"loaded anew: {row.evidence.rows or 0:,} rows, none bad")
        now = self.quarantine.find(note.id) or note
        return Replayed(now, max(note.rows - now.rows, 0), now.rows, now.reason)

    def _checked(self, note: Quarantined, dataset: Dataset) -> Replayed:
        """The kept rows by the rules and fixes of today; good ones join those that are held, by their owner's way.

        Killed at any step, another replay finds the same rows good, puts them where they are already, and goes on.
        """
        try:
            rows = self.quarantine.rows(note)
        except StoreError as error:
            return Replayed(note, 0, note.rows, f"{error}; {error.remedy}")
        reader = TableReader.of(self.tables.home, dataset)
        sound = sound_rows(rows, dataset, _held(reader, rows))
        good, left = sound.good.height, sound.bad.height
        if good:
            self._put(note, reader, sound.good)
        if note.rows != left:
            self.quarantine.reduce(note, sound.bad, f"{left} rows failed a check; {note.rows - left} were taken later")
        if not left:
            return self._end(note, good, f"{good:,} rows were taken into the lake")
        now = self.quarantine.find(note.id) or note
        return Replayed(now, good, left, f"{left:,} rows still fail")

    def _put(self, note: Quarantined, reader: TableReader, good: pl.DataFrame) -> None:
        """Put good rows among those that are held from the same source, in one commit, and record it."""
        row = self._coverage(note)
        if row is None:
            raise UsageError(
                f"the ledger does not know {note.partition}, so its rows cannot be put among the others",
                remedy="run `forebay ledger rebuild`, then replay it again",
            )
        source = Source.FLATFILE if note.revision else Source.REST
        held = reader.blocks(note.partition.dates, note.symbol, source)
        revision = row.evidence.revision if source is Source.FLATFILE else None
        delivered = (note.day, revision) if revision else None
        staged = self.tables.stage(chain(held, [good]), reader.dataset, f"quarantine {note.id}", delivered)
        if revision:
            self.tables.replace_day(staged, note.day, revision)
        else:
            self.tables.put_range(staged, note.symbol, note.partition.dates)
        evidence = replace(row.evidence, rows=staged.rows)
        self.ledger.coverage.record([replace(row, evidence=evidence)])

    def _end(self, note: Quarantined, taken: int, said: str) -> Replayed:
        """Nothing of it fails any more: the note is over, and its days are whole if nothing else of them is kept."""
        self.quarantine.end(note, End.REPLAYED, said, self.clock.now())
        row = self._coverage(note)
        others = self.quarantine.list(note.table, note.partition.dates)
        if row and row.verdict is Verdict.SUSPECT and not any(each.key == note.key for each in others):
            evidence = replace(row.evidence, reason="")
            self.ledger.coverage.record([replace(row, verdict=Verdict.COMPLETE, evidence=evidence)])
        return Replayed(self.quarantine.find(note.id) or note, taken, 0, said)

    def _coverage(self, note: Quarantined) -> Coverage | None:
        """What the ledger says of what the note is about."""
        rows = self.ledger.coverage.find(LAKE, note.table, [note.symbol], note.partition.dates)
        source = Source.FLATFILE if note.revision else Source.REST
        return next((row for row in rows if row.source is source and row.partition == note.partition), None)


def _held(reader: TableReader, rows: pl.DataFrame) -> pl.DataFrame:
    """The lake's rows (`plain_schema`) of the tickers and days of those that were kept."""
    kept = rows.select("ticker", "session_date").drop_nulls().unique()
    parts = [plain_schema(reader.dataset).to_frame()]
    for (day,), of_day in kept.group_by("session_date"):
        found = reader.rows(day, of_day["ticker"].to_list(), parts[0].columns)
        if found.height:
            parts.append(found)
    return pl.concat(parts)


def _is_out_of_reach(task: Task) -> bool:
    """Whether nobody who can be asked has the file, so that it was not looked at."""
    return task.state is not TaskState.PERMANENT_FAILURE or task.error_kind not in (CheckFailed.kind, Damaged.kind)
