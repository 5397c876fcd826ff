"""publish: bars of the lake, of one ticker and timeframe, into a csv.lzo archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import polars as pl

from forebay.clock import Clock
from forebay.errors import CapReached, StoreError, TemporaryError
from forebay.failpoints import reach
from forebay.files.columns import as_file_rows
from forebay.lake.reading.reader import Lake
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.csv_lzo import BarArchive, Window, bar_archive
from forebay.model.intervals import Interval
from forebay.model.partition import Partition
from forebay.model.task import Discard, Done, Lease, Outcome, Step, TaskDraft, TaskState
from forebay.model.universe import Listing
from forebay.sinks.csv_lzo.objects import Objects, Sent
from forebay.sinks.csv_lzo.series import Series
from forebay.sinks.csv_lzo.windows import DAY, slices, whole
from forebay.tasks.copies import DOUBTFUL, Copies, Update, made_from


@dataclass(frozen=True, slots=True)
class Publish:
    """Brings one ticker's objects up to date with the lake, once no task is about to change what the lake has.

    An object is sent only where it is not there with these bytes; what it replaces under another key goes last.
    """

    lake: Lake
    copies: Copies
    objects_at: Callable[[BarArchive], Objects]
    listing: Callable[[str], Listing | None]
    """What the reference data say of a ticker; None when it is not known."""
    clock: Clock

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises LakeError, StoreUnavailable, CapReached, LeaseLost."""
        draft = lease.task.draft
        archive = bar_archive(draft.destination)
        if archive is None:  # of another version: no reason for a worker to stop
            return Discard("unknown_destination", f"this version cannot send to {draft.destination}")
        if snooze := self.copies.wait(draft, self.clock.now()):
            return snooze
        update = self.copies.look(draft, self.clock.now())  # only now: a task may have ended while it was looked for
        try:
            step(TaskState.UPLOADING)
            return Done(tuple(self._publish(draft, archive, update, step)))
        except (TemporaryError, CapReached):
            raise
        except StoreError as error:  # of one user's bucket; other tasks need not suffer
            return Discard(error.kind, f"{error} ({error.remedy})")

    def _publish(self, draft: TaskDraft, archive: BarArchive, update: Update, step: Step) -> Iterator[Coverage]:
        if not update.todo:
            return
        before = self._earlier(draft, update)
        publisher = _Publisher(self.lake, self.objects_at(archive), draft, update, self._series(draft))
        publisher.objects.give_up(publisher.series)
        now = list(publisher.all() if archive.window is Window.ALL else publisher.days(archive.window, step))
        reach("csv_lzo.all")
        publisher.objects.remove(sorted(before - {key for row in now for key in keys_of(row)}))
        reach("csv_lzo.removed")
        yield from now

    def _series(self, draft: TaskDraft) -> Series:
        dataset, timeframe = made_from(draft)
        ticker = draft.partition.symbol
        known = self.listing(ticker)
        exchange, currency = (known.exchange, known.currency) if known else ("", "")
        return Series(ticker, dataset.asset_class, timeframe, exchange, currency)

    def _earlier(self, draft: TaskDraft, update: Update) -> set[str]:
        """The objects that the ledger knows of the dates which are written now."""
        rows = self.copies.ledger.coverage.find(
            draft.destination, draft.partition.table, [draft.partition.symbol], update.span, limit=None
        )
        return {
            key
            for row in rows
            if any(
                row.partition.dates.start <= part.end and part.start <= row.partition.dates.end for part in update.todo
            )
            for key in keys_of(row)
        }


def keys_of(row: Coverage) -> list[str]:
    """The keys of the objects that a row of coverage is about."""
    return [each["key"] for each in row.evidence.details.get("objects", ())]


@dataclass(frozen=True, slots=True)
class _Publisher:
    """Writes what one task is about."""

    lake: Lake
    objects: Objects
    draft: TaskDraft
    update: Update
    series: Series

    def days(self, window: Window, step: Step) -> Iterator[Coverage]:
        """Session date by session date, a month in memory; a row of coverage for each."""
        dataset, _ = made_from(self.draft)
        todo = [day for day in self.update.sessions if any(day in part for part in self.update.todo)]
        for _, month in groupby(todo, key=lambda day: (day.year, day.month)):
            days = list(month)
            step(TaskState.UPLOADING)  # still ours
            bars = self._bars(days[0], days[-1]).filter(pl.col(DAY).is_in(days))
            sent = self.objects.send(self.series, list(slices(bars, window, dataset)))
            for day in days:
                yield self._row(Interval(day, day), [each for each in sent if each.day == day])

    def all(self) -> Iterator[Coverage]:
        """One object for everything, a year in memory."""
        dataset, _ = made_from(self.draft)
        years = groupby(self.update.sessions, key=lambda day: day.year)
        tables = (self._bars(days[0], days[-1]) for days in (list(year) for _, year in years))
        sent = self.objects.send(self.series, [whole(self.update.sessions[0], tables, dataset)])
        details = self._details(sent)
        yield from self.update.coverage(self.draft, sum(each.rows for each in sent), details)

    def _bars(self, first: date, last: date) -> pl.DataFrame:
        bars = self.lake.bars(self.series.ticker, self.series.timeframe, first, last).collect()
        return as_file_rows(bars).with_columns(bars[DAY])

    def _row(self, dates: Interval, sent: Sequence[Sent]) -> Coverage:
        doubtful = not any(dates.start in part for part in self.update.satisfied)
        verdict = Verdict.COMPLETE if sent else Verdict.KNOWN_EMPTY
        evidence = Evidence(
            rows=sum(each.rows for each in sent),
            bytes=sum(each.size for each in sent),
            reason=DOUBTFUL if doubtful else "",
            details=self._details(sent),
        )
        partition = Partition(self.draft.partition.table, self.series.ticker, dates)
        return Coverage(
            partition,
            self.draft.destination,
            self.draft.source,
            Verdict.SUSPECT if doubtful else verdict,
            evidence,
            self.update.now,
        )

    def _details(self, sent: Sequence[Sent]) -> dict[str, object]:
        objects = [
            {
                "key": each.key,
                "rows": each.rows,
                "bytes": each.size,
                "sha256": each.sha256,
                "date": each.day.isoformat(),
            }
            for each in sent
        ]
        return {"exchange": self.series.exchange, "currency": self.series.currency, "objects": objects}
