"""What is wrong now: each function judges one condition by what it is handed, and asks nobody else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from forebay.budget.shared import Standing
from forebay.ledger.figures import Leases, Missing
from forebay.model.alert import Alert, Condition
from forebay.model.live import Cluster, StreamHealth, StreamState
from forebay.model.schedule import Schedule
from forebay.model.task import Task
from forebay.orchestration.behind import Behind
from forebay.stores.disk import Room

RECENT = timedelta(days=30)
"""What the vendor has lacked for longer is known by now."""
LEFT = timedelta(minutes=5)
"""A lease that ran out so long ago should have been taken over: workers look every 15 seconds."""
_LONG = timedelta(hours=12)
"""No task takes so long."""
_DAY = timedelta(days=1)
_SILENT = timedelta(minutes=5)
"""A stream that has heard something within it is only reconnecting."""


def stale(tables: Iterable[Behind]) -> Iterator[Alert]:
    """Tables that lack sessions; judged as of some hours ago, for a file takes a while to be fetched."""
    for each in tables:
        if each.sessions:
            until = f"up to {each.held}" if each.held else "nothing"
            what = f"{each.table} in {each.destination} lacks {each.sessions} of the sessions up to {each.published}"
            yield Alert(Condition.STALE, _where(each.table, each.destination), f"{what}: held is {until}", _STATUS)


def missing(found: Iterable[Missing]) -> Iterator[Alert]:
    """Tables of which the vendor lacks something."""
    for each in found:
        what = f"the vendor lacks {each.partitions} partitions of {each.table} that it should have, up to {each.newest}"
        yield Alert(Condition.MISSING, _where(each.table, each.destination), what, _STATUS)


def failed(given_up: Iterable[Task]) -> Iterator[Alert]:
    """Kinds of task of which some were given up (newest first)."""
    by_kind: defaultdict[str, list[Task]] = defaultdict(list)
    for task in given_up:
        by_kind[task.draft.kind].append(task)
    for kind, tasks in sorted(by_kind.items()):
        newest = tasks[0]
        what = f"{len(tasks)} {kind} tasks were given up; the newest, {newest.draft.key}: {newest.error_message}"
        yield Alert(
            Condition.FAILED, kind, what, "forebay tasks list --state permanent_failure, then forebay tasks retry"
        )


def stuck(leases: Leases, now: datetime) -> Iterator[Alert]:
    """Tasks that nobody who works holds (`leases` as of `LEFT` ago), and one that is held for too long."""
    if leases.expired:
        what = f"{leases.expired} tasks are held by workers that are gone, and nobody takes them over"
        yield Alert(Condition.STUCK, "left behind", what, "start a worker: forebay worker")
    elif leases.oldest and now - leases.oldest > _LONG:
        what = f"a task has been held since {leases.oldest:%Y-%m-%d %H:%M} UTC"
        yield Alert(Condition.STUCK, "held long", what, "forebay tasks list --state processing,downloading,uploading")


def streams_down(wanted: Collection[Cluster], running: Iterable[StreamHealth], now: datetime) -> Iterator[Alert]:
    """Clusters that are wanted, and that nobody hears."""
    known = {health.cluster: health for health in running}
    for cluster in sorted(wanted):
        health = known.get(cluster)
        if health is None or not _hears(health, now):
            why = (
                health.error if health and health.error else "no process streams it" if _alone(health) else "no answer"
            )
            yield Alert(Condition.STREAM, cluster, f"{cluster} is not streamed: {why}", "forebay stream status")


def _alone(health: StreamHealth | None) -> bool:
    return health is None or health.worker is None


def _hears(health: StreamHealth, now: datetime) -> bool:
    if health.worker is None:
        return False
    last = max((moment for moment in (health.last_message, health.started_at) if moment), default=None)
    return health.state is StreamState.STREAMING or (last is not None and now - last < _SILENT)


def disks(rooms: Mapping[str, Room], least: float) -> Iterator[Alert]:
    """Disks of which less than `least` (a part from 0 to 1) is free."""
    for place, room in rooms.items():
        if room.free < least * room.total:
            what = f"{room.free / 1e9:,.1f} GB of {room.total / 1e9:,.1f} are free on the disk of {place}"
            yield Alert(Condition.DISK, place, what, "free some space, or move FOREBAY_HOME or LAKE_URI")


def quarantine(noted: Iterable[tuple[str, datetime]], now: datetime) -> Iterator[Alert]:
    """Tables of which something came into quarantine within a day: table and time of each thing that is there."""
    for table, count in sorted(Counter(table for table, at in noted if now - at < _DAY).items()):
        what = f"{count} things of {table} came into quarantine within a day"
        yield Alert(Condition.QUARANTINE, table, what, "forebay quarantine list")


def refused(budget: Standing) -> Iterator[Alert]:
    """Whether the vendor refuses calls."""
    if budget.effective < budget.limit or (budget.limit and budget.paused):
        what = f"the vendor refuses calls (429): {budget.effective} a minute for now, of {budget.limit}"
        yield Alert(Condition.REFUSED, "calls", what, "lower POLYGON_RATE_LIMIT, or see who else uses the key")


def jobs(schedule: Schedule) -> Iterator[Alert]:
    """The daemons' jobs whose last run failed."""
    for job in schedule.jobs:
        if job.error:
            yield Alert(Condition.JOB, job.name, f"the daemon's job {job.name} failed: {job.error}", "see its log")


_STATUS = "forebay status"


def _where(table: str, destination: str) -> str:
    return f"{table} in {destination}"
