"""Alerts, wired: what is wrong with this installation now, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from forebay.app.feeds import known_feeds, registry_feeds
from forebay.app.rooms import rooms
from forebay.errors import ForebayError
from forebay.ledger.alerts import AlertBook
from forebay.ledger.figures import leases, missing_since
from forebay.ledger.filter import TaskFilter
from forebay.ledger.schedule import ScheduleBook
from forebay.ledger.streams import Streams
from forebay.model.alert import Alert, Condition
from forebay.model.task import TaskState
from forebay.orchestration import alerting, conditions
from forebay.orchestration.alerting import Judged, Notifier, Told
from forebay.orchestration.behind import behind

if TYPE_CHECKING:
    from forebay.app.wired import App

_MOST_TASKS = 1_000


def judge(app: App) -> Judged:
    """What is wrong now. What cannot be found out is told as unknown. Raises LedgerError when the ledger is away."""
    app.ledger.tasks.next_due()  # a ledger that is away makes everything unknown
    alerts: list[Alert] = []
    unknown: dict[Condition, str] = {}
    for condition, look in _LOOKS.items():
        try:
            alerts += look(app)
        except (ForebayError, OSError) as error:
            unknown[condition] = str(error)
    return Judged(alerts, unknown)


def tell(app: App, notifier: Notifier | None = None) -> Told:
    """Look, and tell what is due to ALERT_URLS. Raises UsageError for an address that is none, LedgerError."""
    repeat = timedelta(hours=app.settings.alerts.repeat_hours)
    return alerting.tell(book(app), judge(app), notifier or people(app), repeat)


def people(app: App) -> Notifier:
    """The addresses of ALERT_URLS. Raises UsageError for one that is none, or without apprise."""
    from forebay.sinks.people import People

    return People(app.settings.alerts.addresses)


def book(app: App) -> AlertBook:
    """What is raised, and who knows. Raises LedgerError."""
    return AlertBook(app.ledger.database, app.clock)


def _stale(app: App) -> Iterable[Alert]:
    then = app.clock.now() - timedelta(hours=app.settings.alerts.stale_hours)
    return conditions.stale(behind(app.ledger, [*known_feeds(app), *registry_feeds(app)], then, listed=False))


def _missing(app: App) -> Iterable[Alert]:
    since = (app.clock.now() - conditions.RECENT).date()
    return conditions.missing(missing_since(app.ledger.database, since))


def _failed(app: App) -> Iterable[Alert]:
    which = TaskFilter(states=[TaskState.PERMANENT_FAILURE], cancelled=False)
    return conditions.failed(app.ledger.tasks.find(which, limit=_MOST_TASKS))


def _stuck(app: App) -> Iterable[Alert]:
    now = app.clock.now()
    return conditions.stuck(leases(app.ledger.database, now - conditions.LEFT), now)


def _streams(app: App) -> Iterable[Alert]:
    from forebay.app.streams import wanted_by_registry

    streams = Streams(app.ledger.database, app.clock)
    wanted = {*wanted_by_registry(app), *streams.abandoned()}
    return conditions.streams_down(wanted, streams.look(), app.clock.now())


def _disks(app: App) -> Iterable[Alert]:
    return conditions.disks(rooms(app.settings), app.settings.alerts.disk_percent / 100)


def _quarantine(app: App) -> Iterable[Alert]:
    return conditions.quarantine(((note.table, note.noted_at) for note in app.quarantine.list()), app.clock.now())


_LOOKS: dict[Condition, Callable[[App], Iterable[Alert]]] = {
    Condition.STALE: _stale,
    Condition.MISSING: _missing,
    Condition.FAILED: _failed,
    Condition.STUCK: _stuck,
    Condition.STREAM: _streams,
    Condition.DISK: _disks,
    Condition.QUARANTINE: _quarantine,
    Condition.REFUSED: lambda app: conditions.refused(app.budget.standing()),
    Condition.JOB: lambda app: conditions.jobs(ScheduleBook(app.ledger.database, app.clock).look()),
}
