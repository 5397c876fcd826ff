"""Figures of what is kept, read from the ledger's database when a monitor asks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from forebay.errors import LedgerError
from forebay.ledger.figures import gaps_that_stay, rows_brought
from forebay.ledger.filter import TaskFilter
from forebay.model.registry import IngestionStatus, Phase, SymbolRegistry
from forebay.model.task import TaskState
from forebay.service.live_figures import live_figures

if TYPE_CHECKING:
    from forebay.app import App

log = structlog.get_logger(__name__)

MOST_SYMBOLS = 500
"""Symbols that have figures of their own, the first in byte order: a monitor keeps each for months."""
_NEWEST = 200
"""Completed tasks whose time is averaged."""


class Figures(Collector):
    """How much came, how much failed, what lacks, how long it took and what waits."""

    def __init__(self, opened: Callable[[], App]) -> None:
        self._opened = opened

    def collect(self) -> Iterator[Metric]:
        """Every family; while the ledger is away only that it is."""
        up = GaugeMetricFamily("forebay_ledger_up", "Whether the ledger's database answers.", value=1)
        try:
            found = list(self._read())
        except LedgerError as error:
            log.warning("no_figures", error=str(error))
            found, up = [], GaugeMetricFamily(up.name, up.documentation, value=0)
        yield from (up, *found)

    def _read(self) -> Iterator[Metric]:
        app = self._opened()
        entries = app.registry.list()
        yield _tasks(app)
        yield _seconds(app)
        yield _rows(app, entries[:MOST_SYMBOLS])
        yield _gaps(app)
        yield from _symbols(entries)
        yield from live_figures(app)

    def describe(self) -> Iterator[Metric]:
        """Nothing: the ledger may be away when the service starts."""
        yield from ()


def _tasks(app: App) -> Metric:
    family = GaugeMetricFamily("forebay_tasks", "Tasks of the ledger by state: the queue.", labels=["state"])
    for state, count in app.ledger.tasks.counts().items():
        family.add_metric([state], count)
    return family


def _seconds(app: App) -> Metric:
    """From the claim to the end, the average of the newest of each kind."""
    took = defaultdict[str, list[float]](list)
    for task in app.ledger.tasks.find(TaskFilter(states=[TaskState.COMPLETED]), limit=_NEWEST):
        ended = task.history.get(TaskState.COMPLETED)
        began = task.history.get(TaskState.PROCESSING, ended)
        if began and ended:
            took[task.draft.kind].append((ended - began).total_seconds())
    family = GaugeMetricFamily("forebay_task_seconds", f"Of the newest {_NEWEST} tasks, by kind.", labels=["kind"])
    for kind, several in took.items():
        family.add_metric([kind], sum(several) / len(several))
    return family


def _rows(app: App, entries: Sequence[SymbolRegistry]) -> Metric:
    labels = ["table", "symbol"]
    family = CounterMetricFamily("forebay_rows", "Rows brought by completed tasks; `*`: by whole files.", labels=labels)
    symbols = [entry.symbol for entry in entries]
    for (table, symbol), rows in rows_brought(app.ledger.database, symbols).items():
        family.add_metric([table, symbol], rows)
    return family


def _gaps(app: App) -> Metric:
    family = GaugeMetricFamily("forebay_gaps", "Sessions whose minutes lack at the vendor, too.", labels=["table"])
    for table, count in gaps_that_stay(app.ledger.database).items():
        family.add_metric([table], count)
    return family


def _symbols(entries: Sequence[SymbolRegistry]) -> Iterator[Metric]:
    statuses = GaugeMetricFamily("forebay_symbols", "Symbols of the registry by status.", labels=["status"])
    counted = Counter(entry.status for entry in entries)
    for status in IngestionStatus:
        statuses.add_metric([status], counted[status])
    yield statuses
    failures = GaugeMetricFamily("forebay_symbol_failures", "Runs that failed since one succeeded.", labels=["symbol"])
    last = GaugeMetricFamily(
        "forebay_symbol_last_timestamp_seconds", "When a phase last ended well.", labels=["symbol", "phase"]
    )
    for entry in entries[:MOST_SYMBOLS]:
        failures.add_metric([entry.symbol], entry.failures)
        times = {Phase.BACKFILL: entry.last_backfill, Phase.SNAPSHOT: entry.last_snapshot}
        for phase, moment in times.items():
            if moment:
                last.add_metric([entry.symbol, phase], moment.timestamp())
    yield from (failures, last)
