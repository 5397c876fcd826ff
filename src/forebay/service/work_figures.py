"""Figures of the work: what waits, who is at it, what came of it, and the calls that it may make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from forebay.ledger.figures import brought, ended_since, leases
from forebay.ledger.filter import TaskFilter
from forebay.ledger.schedule import ScheduleBook
from forebay.model.registry import SymbolRegistry
from forebay.model.task import TaskState

if TYPE_CHECKING:
    from forebay.app import App

_NEWEST = 200
"""Completed tasks whose time is averaged."""
_LATELY = timedelta(hours=1)


def queue_figures(app: App) -> Iterator[Metric]:
    """What waits, and who is at what. Raises LedgerError."""
    states = GaugeMetricFamily("forebay_tasks", "Tasks of the ledger by state: the queue.", labels=["state"])
    for state, count in app.ledger.tasks.counts().items():
        states.add_metric([state], count)
    yield states
    now = app.clock.now()
    due = app.ledger.tasks.next_due()
    waiting = max((now - due).total_seconds(), 0) if due else 0
    yield GaugeMetricFamily("forebay_queue_waiting_seconds", "How long the oldest task has been due.", value=waiting)
    found = leases(app.ledger.database, now)
    age = (now - found.oldest).total_seconds() if found.oldest else 0
    yield GaugeMetricFamily("forebay_workers", "Processes that hold a task.", value=found.workers)
    yield GaugeMetricFamily("forebay_leases", "Tasks that are held.", value=found.held)
    yield GaugeMetricFamily(
        "forebay_leases_expired", "Of those: left behind, by whom nobody renews.", value=found.expired
    )
    yield GaugeMetricFamily("forebay_lease_oldest_seconds", "Since the oldest of them was claimed.", value=age)
    yield from _jobs(app)


def _jobs(app: App) -> Iterator[Metric]:
    """The daemons' schedule: a job that is late, or failed, is seen by its age."""
    failed = GaugeMetricFamily("forebay_job_failed", "Whether a job's last run failed.", labels=["name"])
    ended = GaugeMetricFamily("forebay_job_last_timestamp_seconds", "When a job last ended.", labels=["name"])
    for job in ScheduleBook(app.ledger.database, app.clock).look().jobs:
        failed.add_metric([job.name], job.error is not None)
        if job.finished_at:
            ended.add_metric([job.name], job.finished_at.timestamp())
    yield from (failed, ended)


def work_figures(app: App, entries: Sequence[SymbolRegistry]) -> Iterator[Metric]:
    """What came of tasks, those of `entries` by symbol. Reads the table of tasks. Raises LedgerError."""
    yield _seconds(app)
    ended = GaugeMetricFamily(
        "forebay_tasks_ended_last_hour",
        "Tasks that ended, or failed and wait, in the last hour.",
        labels=["kind", "state"],
    )
    for (kind, state), count in ended_since(app.ledger.database, app.clock.now() - _LATELY).items():
        ended.add_metric([kind, state], count)
    yield ended
    labels = ["table", "symbol"]
    rows = CounterMetricFamily("forebay_rows", "Rows brought by completed tasks; `*`: by whole files.", labels=labels)
    sizes = CounterMetricFamily("forebay_bytes", "Bytes brought by completed tasks, over the wire.", labels=labels)
    for (table, symbol), came in brought(app.ledger.database, [entry.symbol for entry in entries]).items():
        rows.add_metric([table, symbol], came.rows)
        sizes.add_metric([table, symbol], came.bytes)
    yield from (rows, sizes)


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


def call_figures(app: App) -> Iterator[Metric]:
    """The rate budget of everybody with this API key. Raises LedgerError, BudgetUnavailable."""
    now = app.budget.standing()
    for name, about, value in (
        ("limit", "Calls a minute as configured; 0 is no limit.", now.limit),
        ("effective", "Calls a minute for now: fewer after a 429.", now.effective),
        ("used", "Calls of the last minute.", now.used),
        ("waiting", "Callers with a promise for later.", now.waiting),
        ("paused_seconds", "For which nothing is granted, after a 429.", now.paused),
    ):
        yield GaugeMetricFamily(f"forebay_calls_{name}", about, value=value)
