"""Verification of the lake: every session of every table gets a score and the reasons why it is no higher."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from forebay.lake.home.home import Home
from forebay.lake.verification.scores import PERFECT, Reason, score
from forebay.lake.verification.verify import Sessions, TableReader
from forebay.model.calendar import session_days
from forebay.model.catalogue import LAKE_DATASETS, Dataset, Kind
from forebay.model.defects import known_defects
from forebay.model.intervals import Interval
from forebay.orchestration.remedies import mend
from forebay.orchestration.verify_pairs import Pair
from forebay.orchestration.verify_records import Records, RecordsBook
from forebay.orchestration.verify_vendor import Witnesses
from forebay.telemetry.board import Board


@dataclass(frozen=True, slots=True)
class Scope:
    """What is verified."""

    datasets: tuple[Dataset, ...]
    start: date | None = None
    end: date | None = None
    tickers: tuple[str, ...] = ()
    """Only these are compared across tables; files are judged whole. Empty: all."""
    deep: bool = False
    wanted: Mapping[str, AbstractSet[date]] | None = None
    """Table to the days that feeds ask for; of a table without feeds no session may lack between its first and last."""


@dataclass(frozen=True, slots=True)
class SessionScore:
    """One session of one table."""

    table: str
    day: date
    rows: int
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...] = ()
    """Known defects that were put right in it."""

    @property
    def score(self) -> int:
        """From 0 to 100; see `forebay.lake.verification.scores`."""
        return score(self.reasons)

    @property
    def good(self) -> bool:
        """Nothing takes anything off."""
        return self.score == PERFECT


@dataclass(frozen=True, slots=True)
class Verifier:
    """Reads the lake a month at a time, and what the ledger and the quarantine say of it. Changes nothing."""

    lake: Home
    book: RecordsBook
    witnesses: Witnesses

    def run(self, scope: Scope, board: Board) -> Iterator[SessionScore]:
        """Every session in scope, by asset class, month, table and date.

        Raises LakeError, LedgerError, StoreUnavailable, and with REST as a witness VendorError. Memory: one block of a
        file, and for the tables of one asset class a row for each ticker and day of a month.
        """
        for _, alike in groupby(scope.datasets, lambda dataset: dataset.table.partition("/")[0]):
            yield from self._class(list(alike), scope, board)

    def _class(self, datasets: Sequence[Dataset], scope: Scope, board: Board) -> Iterator[SessionScore]:
        rooms = [_Room(self._reader(dataset, scope), self.book.records(dataset)) for dataset in datasets]
        wanted = {room.table: room.days(scope) for room in rooms}
        unasked = self._day_bars(datasets, scope)
        if not (sessions := sum(map(len, wanted.values()))):
            return
        bar = board.row(f"{datasets[0].asset_class}: verified", sessions, "sessions")
        for month in sorted({(day.year, day.month) for days in wanted.values() for day in days}):
            days: Sessions | None = None
            for room in rooms:
                dates = [day for day in wanted[room.table] if (day.year, day.month) == month]
                if not dates:
                    continue
                read = room.reader.read(dates)
                if room.kind is Kind.BARS_1D:  # read before its minutes: the catalogue has them so
                    days = read
                pair = None
                if room.kind is Kind.BARS_1M and (days := unasked.read(dates) if unasked else days):
                    pair = Pair.of(room.reader, read, days)
                for day in dates:
                    bar.advance(1, f"{room.table} {day}")
                    yield self._score(room, read, day, pair, scope)

    def _day_bars(self, datasets: Sequence[Dataset], scope: Scope) -> TableReader | None:
        """The day bars that minutes are compared with, where they are not asked for themselves."""
        kinds = {dataset.kind for dataset in datasets}
        if Kind.BARS_1M not in kinds or Kind.BARS_1D in kinds:
            return None
        table = f"{datasets[0].table.partition('/')[0]}/{Kind.BARS_1D}"
        return TableReader.of(self.lake, LAKE_DATASETS[table], tickers=scope.tickers or None)

    def _reader(self, dataset: Dataset, scope: Scope) -> TableReader:
        return TableReader.of(self.lake, dataset, deep=scope.deep, tickers=scope.tickers or None)

    def _score(self, room: _Room, sessions: Sessions, day: date, pair: Pair | None, scope: Scope) -> SessionScore:
        rows = sessions.of(day)
        reasons = [*_of_files(room.dataset, sessions, day)]
        if not sessions.is_damaged(day):
            reasons += room.records.reasons(day, rows, partial=bool(scope.tickers))
            reasons += pair.reasons(day) if pair else ()
            reasons += self.witnesses.reasons(room.reader, rows, day, deep=scope.deep)
        told = tuple(_explained(reason, room.dataset, day) for reason in reasons)
        held = int(rows["rows"].sum()) if rows.width else 0
        return SessionScore(room.table, day, held, told, room.records.fixed(day))


@dataclass(frozen=True, slots=True)
class _Room:
    """A table with what is recorded of it."""

    reader: TableReader
    records: Records

    @property
    def dataset(self) -> Dataset:
        return self.reader.dataset

    @property
    def table(self) -> str:
        return self.dataset.table

    @property
    def kind(self) -> Kind:
        return self.dataset.kind

    def days(self, scope: Scope) -> list[date]:
        """The session dates to be looked at: those of files, those recorded as held, and those that are wanted."""
        span, wanted = self.reader.span, (scope.wanted or {}).get(self.table)
        found = set(self.records.held_days())
        if span and wanted is None:
            found |= set(session_days(self.dataset.calendar, span.start, span.end))
        if span:
            found |= self._days_of_files(span)
        found |= set(wanted or ())
        first, last = scope.start or date.min, scope.end or date.max
        return sorted(day for day in found if first <= day <= last)

    def _days_of_files(self, span: Interval) -> set[date]:
        sessions = session_days(self.dataset.calendar, span.start, span.end)
        one_day = {file.dates.start for file in self.reader.files if file.dates.days == 1}
        dated = [file for file in self.reader.files if file.dates.end < date.max]
        longer = {(file.dates, file.name and file.name.days): file for file in dated if file.dates.days > 1}
        return one_day | {day for day in sessions if any(file.holds(day) for file in longer.values())}


def _of_files(dataset: Dataset, sessions: Sessions, day: date) -> Iterator[Reason]:
    for fault in sessions.faults(day):
        yield Reason(fault.check, fault.text, remedy=mend(dataset.table, day))


def _explained(reason: Reason, dataset: Dataset, day: date) -> Reason:
    """The reason with the known defect's name, where there is one that shows as such."""
    known = [each.name for each in known_defects(dataset, day) if reason.check.value in each.shows_as]
    return replace(reason, known=known[0]) if known else reason


def in_order(datasets: Collection[Dataset]) -> tuple[Dataset, ...]:
    """Datasets of the lake in the catalogue's order, in which the tables of an asset class stand together."""
    return tuple(dataset for dataset in LAKE_DATASETS.values() if dataset in datasets)
