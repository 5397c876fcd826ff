"""Bars of the lake, of one ticker and timeframe, to Kafka or into a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Protocol, Self

import polars as pl

from forebay.failpoints import reach
from forebay.lake.reading.reader import Lake
from forebay.ledger.coverage import CoverageBook
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import Partition
from forebay.model.sink_place import SinkPlace
from forebay.model.task import Step, TaskDraft, TaskState
from forebay.sinks.base import Sink
from forebay.tasks.copies import DOUBTFUL, Update, made_from
from forebay.tasks.messages import bar_messages

_DAY = "session_date"
_AT_ONCE = 10_000
"""Messages that are made and handed on together."""


class OpenedSink(Sink, AbstractContextManager["OpenedSink"], Protocol):
    """A sink for one task: closed at the end of a block, and after an error without waiting."""

    @property
    def refused(self) -> int:
        """Messages that were taken and can never be sent."""
        ...

    def __enter__(self) -> Self: ...


@dataclass(frozen=True, slots=True)
class SendBars:
    """Sends what a place lacks of the lake.

    A month at a time is sent, acknowledged and then recorded: whatever cuts it off, another attempt goes on after the
    last month that was recorded, and sends at most one month twice.
    """

    place: SinkPlace
    lake: Lake
    coverage: CoverageBook
    open_sink: Callable[[SinkPlace], OpenedSink]
    timeout: float
    """Seconds that acknowledgement is waited for."""

    def __call__(self, draft: TaskDraft, update: Update, step: Step) -> tuple[Coverage, ...]:
        """Send what the place lacks; nothing is left to be recorded. Raises LakeError, LedgerError, SinkError."""
        todo = [day for day in update.sessions if any(day in part for part in update.todo)]
        if not todo:
            return ()
        with self.open_sink(self.place) as sink:
            for _, month in groupby(todo, key=lambda day: (day.year, day.month)):
                days = list(month)
                refused = sink.refused
                rows = self._send_days(sink, draft, days)
                sink.flush(self.timeout)
                reach("send.flushed")
                step(TaskState.UPLOADING)  # still ours
                self.coverage.record(self._covered(draft, update, days, rows, sink.refused - refused))
                reach("send.recorded")
        return ()

    def _send_days(self, sink: OpenedSink, draft: TaskDraft, days: Sequence[date]) -> dict[date, int]:
        """Session date to its rows, all of which are handed to the sink."""
        dataset, timeframe = made_from(draft)
        found = self.lake.bars(draft.partition.symbol, timeframe, days[0], days[-1])
        bars = found.filter(pl.col(_DAY).is_in(days)).collect()
        for part in bars.iter_slices(_AT_ONCE):
            sink.send(list(bar_messages(part, dataset.asset_class, timeframe)))
        return dict(bars.group_by(_DAY).len().iter_rows())

    def _covered(
        self, draft: TaskDraft, update: Update, days: Sequence[date], rows: dict[date, int], refused: int
    ) -> Iterator[Coverage]:
        """A row for each day; if messages were refused, it is doubtful which days lack them."""
        for day in days:
            held = rows.get(day, 0)
            doubtful = not any(day in part for part in update.satisfied)
            verdict = Verdict.COMPLETE if held else Verdict.KNOWN_EMPTY
            reason = DOUBTFUL if doubtful else ""
            if refused:
                reason = f"{self.place.sink} refused {refused} messages of this month: the log says which"
            yield Coverage(
                Partition(draft.partition.table, draft.partition.symbol, Interval(day, day)),
                draft.destination,
                draft.source,
                Verdict.SUSPECT if reason else verdict,
                Evidence(rows=held, reason=reason),
                update.now,
            )
