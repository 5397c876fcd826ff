"""The second phase: one snapshot of each symbol, asked for together and judged one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from forebay.clock import Clock
from forebay.errors import UsageError
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.calendar import NEW_YORK
from forebay.model.coverage import Coverage, Verdict
from forebay.model.instrument import AssetClass
from forebay.model.registry import SymbolRegistry
from forebay.model.snapshot import SNAPSHOTS, snapshots_table
from forebay.model.snapshot_order import SnapshotOrder
from forebay.model.task import Task, TaskKind, TaskState
from forebay.orchestration.ingest.phases import Came
from forebay.orchestration.one_task import finish
from forebay.orchestration.worker import Worker

_KEPT = timedelta(days=7)
"""So long after its last run a task stays to be looked at: other symbols together are another task."""


@dataclass(frozen=True, slots=True)
class TakeThem:
    """Takes snapshots of symbols as tasks, one for each asset class."""

    ledger: Ledger
    clock: Clock
    worker: Callable[[], Worker]

    def __call__(self, entries: Sequence[SymbolRegistry]) -> Mapping[str, Came]:
        """Take them. Raises what no symbol can escape: a wrong key, a full disk, a database away."""
        classes: defaultdict[AssetClass, list[str]] = defaultdict(list)
        for entry in entries:
            classes[entry.asset_class].append(entry.symbol)
        came: dict[str, Came] = {}
        for asset_class, symbols in classes.items():
            try:
                order = SnapshotOrder(asset_class, tuple(symbols))
            except UsageError as error:  # a class that has none
                came |= dict.fromkeys(symbols, Came(error=f"{error}. Next: {error.remedy}"))
            else:
                came |= self._take(order)
        return came

    def _take(self, order: SnapshotOrder) -> Mapping[str, Came]:
        worker, symbols = self.worker(), order.tickers
        if TaskKind.SNAPSHOT not in worker.handlers:
            return dict.fromkeys(symbols, Came(error="snapshots come by REST: set POLYGON_API_KEY"))
        task = self._ended(order, worker)
        if task.state is not TaskState.COMPLETED:
            why = task.error_message or f"the task that takes them is {task.hold or task.state}"
            return dict.fromkeys(symbols, Came(error=why))
        rows = self.ledger.coverage.find(SNAPSHOTS, snapshots_table(order.asset_class), symbols, limit=None)
        said = {row.partition.symbol: row for row in rows}
        return {symbol: _came(said[symbol]) for symbol in symbols}

    def _ended(self, order: SnapshotOrder, worker: Worker) -> Task:
        """The task, run now: whatever became of an earlier one of the same symbols."""
        draft = order.draft(self.clock.now().astimezone(NEW_YORK).date())
        self.ledger.tasks.add([draft], again=True, cancelled=True)
        [task] = self.ledger.tasks.find(TaskFilter(destination=SNAPSHOTS, key=draft.key), limit=1)
        ended = finish(self.ledger, self.clock, task.id, worker)
        self.ledger.tasks.prune(TaskFilter(destination=SNAPSHOTS), ended_before=self.clock.now() - _KEPT)
        return ended


def _came(row: Coverage) -> Came:
    """A snapshot that is stale or has no price yet is what there is, and no failure."""
    reason = row.evidence.reason
    if row.verdict is Verdict.SUSPECT:
        return Came(error=reason)
    return Came(records=row.evidence.rows or 0, note=reason)
