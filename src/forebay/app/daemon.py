"""The daemon, wired: what its schedule's jobs do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from structlog import get_logger

from forebay.ledger.schedule import ScheduleBook
from forebay.model.registry import Phase
from forebay.orchestration.ingest.phases import order
from forebay.orchestration.ingest.stream import STREAM_WAITS
from forebay.orchestration.schedule.scheduler import Job, Scheduler
from forebay.orchestration.schedule.triggers import daily, every_minutes, in_sessions

if TYPE_CHECKING:
    from forebay.app.wired import App
    from forebay.orchestration.ingest.run import Ingest

log = get_logger()

_NEW_YORK = "XNYS"


def open_scheduler(app: App, ingest: Ingest) -> Scheduler:
    """The schedule of the settings. Raises UsageError when APScheduler is not installed."""
    times = app.settings.schedule
    snapshots, streams, files = times.snapshot_minutes, times.stream_minutes, times.files_minutes
    jobs = [
        Job("gap_detection", daily(times.gaps_at), timedelta(days=1), lambda: find_and_close_gaps(app)),
        Job(
            "snapshot_refresh",
            in_sessions(_NEW_YORK, every_minutes(snapshots)),
            timedelta(minutes=snapshots),
            lambda: run_phases(ingest, [Phase.SNAPSHOT]),
        ),
        Job("stream_monitoring", every_minutes(streams), timedelta(minutes=streams), lambda: look_at_streams(app)),
        Job(
            "flatfile_discovery",
            every_minutes(files),
            timedelta(minutes=files),
            lambda: run_phases(ingest, [Phase.BACKFILL]),
        ),
    ]
    return Scheduler(ScheduleBook(app.ledger.database, app.clock), jobs, app.clock, app.worker_id)


def first_run(app: App, ingest: Ingest) -> Callable[[], None]:
    """All phases of every symbol that no daemon has just run: those that start together share the symbols."""
    since = app.clock.now() - timedelta(minutes=app.settings.schedule.files_minutes)

    def run() -> None:
        for _ in ingest.run(not_since=since):
            pass  # its log says how each fared

    return run


def run_phases(ingest: Ingest, phases: Sequence[Phase]) -> None:
    """Run these phases of every symbol that is due."""
    for _ in ingest.run(phases=phases):
        pass  # its log says how each fared


def look_at_streams(app: App) -> None:
    """Say how many symbols wait for live data."""
    enabled = app.registry.list(enabled_only=True)
    waiting = Counter(bool(order(entry, [Phase.STREAM])) for entry in enabled)[True]
    if waiting:
        log.debug("streams_waiting", symbols=waiting, reason=STREAM_WAITS)


def find_and_close_gaps(app: App) -> None:
    """Look for gaps in what the registry keeps, and repair them within GAP_BUDGET unless GAP_REPAIR says to report."""
    from forebay.app.gaps import find_gaps, kept_symbols, repair_gaps, scopes

    symbols = kept_symbols(app)
    if not symbols:
        return
    wanted = scopes(app, symbols, None, None)
    if app.settings.gaps.repair == "repair":
        repair_gaps(app, wanted, app.settings.gaps.budget)
        return
    for _ in find_gaps(app, wanted):
        pass  # the log names them
