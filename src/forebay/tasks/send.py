"""publish: bars of the lake, of one ticker and timeframe, to Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import polars as pl

from forebay.clock import Clock
from forebay.errors import SinkError, SinkUnavailable, UsageError
from forebay.failpoints import reach
from forebay.lake.reading.reader import Lake
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.kafka import KafkaPlace, kafka_place
from forebay.model.partition import Partition
from forebay.model.task import Discard, Done, Lease, Outcome, Retry, Step, TaskDraft, TaskState
from forebay.sinks.kafka.sink import KafkaSink
from forebay.tasks.away import Away
from forebay.tasks.copies import DOUBTFUL, Copies, Update, made_from
from forebay.tasks.messages import bar_messages

_DAY = "session_date"
_AT_ONCE = 10_000
"""Messages that are made and handed on together."""


@dataclass(frozen=True, slots=True)
class SendBars:
    """Sends what a ticker's topic lacks of the lake, once no task is about to change what the lake has.

    A month at a time is sent, acknowledged by Kafka and then recorded: whatever cuts it off, another attempt goes on
    after the last month that was recorded, and sends at most one month twice.
    """

    lake: Lake
    copies: Copies
    open_sink: Callable[[KafkaPlace], KafkaSink]
    timeout: float
    """Seconds that acknowledgement is waited for."""
    clock: Clock
    away: Away

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises LakeError, LedgerError, LeaseLost."""
        draft = lease.task.draft
        place = kafka_place(draft.destination)
        if place is None:  # of another version: no reason for a worker to stop
            return Discard("unknown_destination", f"this version cannot send to {draft.destination}")
        if snooze := self.copies.wait(draft, self.clock.now()) or self.away.wait(draft.destination):
            return snooze
        update = self.copies.look(draft, self.clock.now())  # only now: a task may have ended while it was looked for
        step(TaskState.UPLOADING)
        try:
            self._send(draft, place, update, step)
        except SinkUnavailable as error:
            self.away.silent(draft.destination, lease.task.id, error)
            return Retry(error.kind, f"{error} ({error.remedy})", after=error.retry_after, upload=True)
        except (SinkError, UsageError) as error:
            return Discard(error.kind, f"{error} ({error.remedy})")
        self.away.answered(draft.destination)
        return Done(())

    def _send(self, draft: TaskDraft, place: KafkaPlace, update: Update, step: Step) -> None:
        todo = [day for day in update.sessions if any(day in part for part in update.todo)]
        if not todo:
            return
        with self.open_sink(place) as sink:
            for _, month in groupby(todo, key=lambda day: (day.year, day.month)):
                days = list(month)
                refused = sink.refused
                rows = self._send_days(sink, draft, days)
                sink.flush(self.timeout)
                reach("kafka.flushed")
                step(TaskState.UPLOADING)  # still ours
                self.copies.ledger.coverage.record(_coverage(draft, update, days, rows, sink.refused - refused))
                reach("kafka.recorded")

    def _send_days(self, sink: KafkaSink, draft: TaskDraft, days: Sequence[date]) -> dict[date, int]:
        """Session date to its rows, all of which are handed to the sink."""
        dataset, timeframe = made_from(draft)
        found = self.lake.bars(draft.partition.symbol, timeframe, days[0], days[-1])
        bars = found.filter(pl.col(_DAY).is_in(days)).collect()
        for part in bars.iter_slices(_AT_ONCE):
            sink.send(list(bar_messages(part, dataset.asset_class, timeframe)))
        return dict(bars.group_by(_DAY).len().iter_rows())


def _coverage(
    draft: TaskDraft, update: Update, days: Sequence[date], rows: dict[date, int], refused: int
) -> Iterator[Coverage]:
    """A row for each day; if messages were refused, it is doubtful which days lack them."""
    for day in days:
        held = rows.get(day, 0)
        doubtful = not any(day in part for part in update.satisfied)
        verdict = Verdict.COMPLETE if held else Verdict.KNOWN_EMPTY
        reason = DOUBTFUL if doubtful else ""
        if refused:
            reason = f"Kafka refused {refused} messages of this month: the log says which"
        yield Coverage(
            Partition(draft.partition.table, draft.partition.symbol, Interval(day, day)),
            draft.destination,
            draft.source,
            Verdict.SUSPECT if reason else verdict,
            Evidence(rows=held, reason=reason),
            update.now,
        )
