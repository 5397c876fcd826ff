"""What the ledger and the quarantine say of the sessions of a table, against what is there."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median

import polars as pl

from forebay.lake.intake.note import Quarantined
from forebay.lake.intake.quarantine import Quarantine
from forebay.lake.verification.scores import Check, Reason
from forebay.ledger.coverage import CoverageBook
from forebay.model.calendar import session
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage, Verdict
from forebay.model.defects import FIXED_COUNT
from forebay.model.feed import LAKE
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.orchestration.remedies import mend, replay, sync

NEIGHBOURS = 20
"""Sessions before one whose row counts its own is held against."""
_FEWEST_NEIGHBOURS = 5
_BAND = (0.5, 2.0)
"""Share of their median within which nothing is said."""


@dataclass(frozen=True, slots=True)
class Records:
    """One table's."""

    dataset: Dataset
    of_files: Mapping[date, Coverage]
    """What flat files brought, by session date."""
    others: Mapping[date, Sequence[Coverage]]
    """What else is known of one day, of a symbol or of all, and is not good."""
    spans: Sequence[Coverage]
    """What is known and good."""
    kept: Mapping[date, Sequence[Quarantined]]
    _days: list[date] = field(default_factory=list)

    def held_days(self) -> list[date]:
        """The days that flat files brought rows of."""
        return [day for day, row in self.of_files.items() if row.evidence.rows]

    def fixed(self, day: date) -> tuple[str, ...]:
        """The known defects that were put right in a day's file, with the rows that they were in."""
        row = self.of_files.get(day)
        counts = row.evidence.details if row else {}
        fixes = {name.removeprefix(FIXED_COUNT): n for name, n in counts.items() if name.startswith(FIXED_COUNT)}
        return tuple(f"fixed: {name} ({count:,} rows)" for name, count in fixes.items())

    def reasons(self, day: date, rows: pl.DataFrame, *, partial: bool) -> Iterator[Reason]:
        """What is said against a session with these totals; with `partial` totals counts are left alone."""
        held = int(rows["rows"].sum()) if rows.width else 0
        recorded = self.of_files.get(day)
        if recorded and not partial:
            yield from self._counted(day, recorded, rows)
            if held:
                yield from self._band(day, held)
        if not held and not partial and not (recorded and recorded.evidence.rows):
            yield from self._missing(day)
        yield from self._kept_apart(day, held)
        if held and recorded and recorded.verdict is Verdict.SUSPECT and not self._is_told(day, recorded):
            yield Reason(Check.SUSPECT, recorded.evidence.reason, remedy="forebay tasks retry")

    def _is_told(self, day: date, recorded: Coverage) -> bool:
        """Whether another check says why it is suspect."""
        return bool(self.kept.get(day)) or "lacking_close" in recorded.evidence.details

    def _counted(self, day: date, recorded: Coverage, rows: pl.DataFrame) -> Iterator[Reason]:
        told = recorded.evidence.rows or 0
        found = int(rows["from_file"].sum()) if rows.width else 0
        if found != told and not (rows.width and rows["patched"].sum()):
            text = f"{found:,} rows of the day's flat file are there; {told:,} were stored"
            yield Reason(Check.LOST_ROWS, text, remedy=mend(self.dataset.table, day))

    def _missing(self, day: date) -> Iterator[Reason]:
        if answers := [row for row in self.spans if day in row.partition.dates]:
            if any(_is_empty_file(row) for row in answers):
                yield from self._band(day, 0)
            return
        known = [row for row in self.others.get(day, ()) if row.partition.symbol == ALL_SYMBOLS]
        waits = any(row.verdict is Verdict.PENDING_UPSTREAM for row in known)
        why = known[0].evidence.reason if known else "nothing of it is held"
        if not self.kept.get(day):
            yield Reason(Check.MISSING, why, remedy=sync(self.dataset.table, day), tolerated=waits)

    def _kept_apart(self, day: date, held: int) -> Iterator[Reason]:
        for note in self.kept.get(day, ()):
            if note.whole or not held:
                yield Reason(Check.MISSING if not held else Check.SUSPECT, note.reason, remedy=replay(note.id))
            else:
                share = note.rows / (held + note.rows)
                yield Reason(Check.QUARANTINED, note.reason, share=share, remedy=replay(note.id))

    def _band(self, day: date, held: int) -> Iterator[Reason]:
        """Against the sessions before it that were as long: half days and Sundays have fewer minutes."""
        length = _length(self.dataset.calendar, day)
        before = [each for each in self._days_before(day) if _length(self.dataset.calendar, each) == length]
        counts = [self.of_files[each].evidence.rows or 0 for each in before[-NEIGHBOURS:]]
        if len(counts) < _FEWEST_NEIGHBOURS:
            return
        usual = median(counts)
        low, high = _BAND
        if not low * usual <= held <= high * usual:
            text = f"{held:,} rows; the {len(counts)} sessions before it have {usual:,.0f} (median)"
            yield Reason(Check.BAND, text, remedy=sync(self.dataset.table, day))

    def _days_before(self, day: date) -> list[date]:
        """The latest held days before it, enough of them to find some of its length."""
        if not self._days:
            self._days.extend(sorted(self.held_days()))
        place = bisect_left(self._days, day)
        return self._days[max(0, place - 5 * NEIGHBOURS) : place]


@dataclass(frozen=True, slots=True)
class RecordsBook:
    """Where they are looked up."""

    coverage: CoverageBook
    quarantine: Quarantine

    def records(self, dataset: Dataset) -> Records:
        """Everything recorded of a table. Raises LedgerError, StoreError."""
        of_files: dict[date, Coverage] = {}
        others: defaultdict[date, list[Coverage]] = defaultdict(list)
        spans: list[Coverage] = []
        for row in self.coverage.find(LAKE, dataset.table, limit=None):
            one_day = row.partition.dates.start
            if row.source is Source.FLATFILE and row.partition.symbol == ALL_SYMBOLS and row.evidence.rows:
                of_files[one_day] = row
            elif row.verdict.satisfies:
                spans.append(row)
            else:
                others[one_day].append(row)
        kept: defaultdict[date, list[Quarantined]] = defaultdict(list)
        for note in self.quarantine.list(table=dataset.table):
            if _concerns(note, of_files.get(note.day)):
                kept[note.day].append(note)
        return Records(dataset, of_files, others, spans, kept)


def _concerns(note: Quarantined, held: Coverage | None) -> bool:
    """Whether it is about what is held: not once a later file of the day came without a fault."""
    if held is None or not held.verdict.satisfies:
        return True
    return held.evidence.revision is not None and note.revision == held.evidence.revision.etag


def _is_empty_file(row: Coverage) -> bool:
    """Whether it is a file with a header and no row: the vendor's answer, and an odd one between full sessions."""
    return row.source is Source.FLATFILE and row.verdict is Verdict.KNOWN_EMPTY


def _length(calendar: str, day: date) -> timedelta:
    """Of the regular session; none where there is no session."""
    try:
        hours = session(calendar, day)
    except KeyError:
        return timedelta()
    return hours.regular_closes - hours.regular_opens
