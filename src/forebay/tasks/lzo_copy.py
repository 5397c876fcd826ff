"""A ticker's bars of the lake as objects of a csv.lzo archive, with a row of coverage for what was stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import polars as pl

from forebay.files.columns import as_file_rows
from forebay.lake.reading.reader import Lake
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.csv_lzo import Window
from forebay.model.intervals import Interval
from forebay.model.partition import Partition
from forebay.model.task import Step, TaskDraft, TaskState
from forebay.sinks.csv_lzo.objects import Objects, Sent
from forebay.sinks.csv_lzo.series import Series
from forebay.sinks.csv_lzo.windows import DAY, slices, whole
from forebay.tasks.copies import DOUBTFUL, Update, made_from


def keys_of(row: Coverage) -> list[str]:
    """The keys of the objects that a row of coverage is about."""
    return [each["key"] for each in row.evidence.details.get("objects", ())]


@dataclass(frozen=True, slots=True)
class LzoCopy:
    """What one task writes: a ticker's bars of one size, into one archive."""

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
