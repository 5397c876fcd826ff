"""Which spans of the lake are compacted after a sync: those that are over, and worth it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from forebay.lake.compaction.compaction import Compaction
from forebay.lake.compaction.plan import Work
from forebay.ledger import Ledger
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.partition import ALL_SYMBOLS, Partition
from forebay.model.task import TaskDraft, TaskKind

DESTINATION = "layout"
"""Of these tasks: they bring nothing to the lake, so that nothing of it is to wait for them or to count on them."""
_SETTLED = timedelta(days=2)
"""After a span's last day: its file comes on the next, and may come a day late."""
_WORTH_IT = 5
"""Files that were not compacted before; for fewer a month is not rewritten without being asked to."""
_LAST = -1_000_000
"""After whatever is still to be fetched."""


@dataclass(frozen=True, slots=True)
class Compacting:
    """Compactions as tasks: done once, by one worker."""

    ledger: Ledger
    compaction: Compaction

    def queue(self, tables: Iterable[str], now: datetime) -> list[TaskDraft]:
        """Put what is due into the ledger, be it that the same dates were compacted before. Raises LakeError."""
        drafts = [_draft(work) for table in tables for work in closed(self.compaction.plan(table), now) if _loose(work)]
        self.ledger.tasks.add(drafts, again=True, planned_at=now)
        return drafts


def closed(works: Iterable[Work], now: datetime) -> Iterator[Work]:
    """Those whose last day is over, with a day or two for its file to come."""
    today = now.astimezone(NEW_YORK).date()
    return (work for work in works if work.dates.end < today - _SETTLED)


def inside(works: Iterable[Work], start: date | None, end: date | None) -> Iterator[Work]:
    """Those that touch the dates from `start` to `end`, both included."""
    return (work for work in works if (start or date.min) <= work.dates.end and work.dates.start <= (end or date.max))


def _loose(work: Work) -> bool:
    return sum(not (file.name and file.name.compacted) for file in work.files) >= _WORTH_IT


def _draft(work: Work) -> TaskDraft:
    return TaskDraft(
        kind=TaskKind.COMPACT,
        key=f"compact/{work.table}/{work.source}/{work.dates.start}..{work.dates.end}",
        dataset=LAKE_DATASETS[work.table].name,
        partition=Partition(work.table, ALL_SYMBOLS, work.dates),
        destination=DESTINATION,
        source=work.source,
        priority=_LAST,
    )
