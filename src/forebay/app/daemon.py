"""The daemon, wired: what its schedule's jobs do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

from structlog import get_logger

from forebay.ledger.schedule import ScheduleBook
from forebay.ledger.streams import Streams
from forebay.model.catalogue import BAR_DATASETS, Kind
from forebay.model.instrument import AssetClass
from forebay.model.registry import Phase, SymbolRegistry
from forebay.orchestration.ingest.stream import stream_word
from forebay.orchestration.live.subscribing import brings
from forebay.orchestration.schedule.scheduler import Job, Scheduler
from forebay.orchestration.schedule.triggers import daily, every_minutes, in_sessions
from forebay.symbols.registry_rows import flaw_of

if TYPE_CHECKING:
    from forebay.app.wired import App
    from forebay.orchestration.ingest.run import Ingest

log = get_logger()

_DRAINED = 120.0
"""Seconds that streams have to send on what came, when a daemon ends."""
_LOOK = 5
"""Minutes between two looks for what is wrong."""
_REFRESHES = {
    "snapshot_refresh": AssetClass.STOCKS,
    "snapshot_refresh_crypto": AssetClass.CRYPTO,
    "snapshot_refresh_forex": AssetClass.FOREX,
}


def open_scheduler(app: App, ingest: Ingest) -> Scheduler:
    """The schedule of the settings. Raises UsageError when APScheduler is not installed, and for ALERT_URLS."""
    times = app.settings.schedule
    streams, files = times.stream_minutes, times.files_minutes
    jobs = [
        Job("gap_detection", daily(times.gaps_at), timedelta(days=1), lambda _: find_and_close_gaps(app)),
        *(_refresh(app, ingest, name, asset_class) for name, asset_class in _REFRESHES.items()),
        Job("stream_monitoring", every_minutes(streams), timedelta(minutes=streams), lambda _: look_at_streams(app)),
        Job(
            "flatfile_discovery",
            every_minutes(files),
            timedelta(minutes=files),
            lambda since: fetch_history(ingest, since),
            shared=True,
        ),
    ]
    if app.settings.alerts.addresses:
        jobs.append(_alerts(app))
    return Scheduler(ScheduleBook(app.ledger.database, app.clock), jobs, app.clock, app.worker_id)


def _alerts(app: App) -> Job:
    """Tells what is wrong. Raises UsageError for an address that is none."""
    from forebay.app.alerts import people, tell

    addresses = people(app)

    def look(_: datetime) -> None:
        tell(app, addresses)

    return Job("alerts", every_minutes(_LOOK), timedelta(minutes=_LOOK), look)


def _refresh(app: App, ingest: Ingest, name: str, asset_class: AssetClass) -> Job:
    """Snapshots of a class, in the regular hours of its own sessions."""
    minutes = app.settings.schedule.snapshot_minutes
    calendar = BAR_DATASETS[f"{asset_class}/{Kind.BARS_1D}"].calendar
    return Job(
        name,
        in_sessions(calendar, every_minutes(minutes)),
        timedelta(minutes=minutes),
        lambda since: take_snapshots(app, ingest, asset_class, since),
        shared=True,
    )


def first_run(app: App, ingest: Ingest) -> Callable[[], None]:
    """All phases of every symbol that no daemon has just run: those that start together share the symbols."""
    since = app.clock.now() - timedelta(minutes=app.settings.schedule.files_minutes)

    def run() -> None:
        for _ in ingest.run(not_since=since):
            pass  # its log says how each fared

    return run


def fetch_history(ingest: Ingest, since: datetime) -> None:
    """The backfill of every symbol that is due, but for those that another daemon has run since."""
    for _ in ingest.run(phases=[Phase.BACKFILL], not_since=since):
        pass  # its log says how each fared


def take_snapshots(app: App, ingest: Ingest, asset_class: AssetClass, since: datetime) -> None:
    """A snapshot of every symbol of a class that is due, as `fetch_history` does.

    Those of a class that has none, and those that are written wrongly, are told so together with stocks.
    """
    entries = app.registry.list(enabled_only=True)
    symbols = [entry.symbol for entry in entries if _refreshed_with(entry) is asset_class]
    for _ in ingest.run(symbols, phases=[Phase.SNAPSHOT], not_since=since):
        pass  # its log says how each fared


def _refreshed_with(entry: SymbolRegistry) -> AssetClass:
    shown = not flaw_of(entry) and entry.asset_class in _REFRESHES.values()
    return entry.asset_class if shown else AssetClass.STOCKS


def look_at_streams(app: App) -> None:
    """Note of every symbol that is streamed now that it is, and say which clusters are wanted and not streamed.

    A daemon begins those itself, as soon as no living process has them (`streaming`).
    """
    running = Streams(app.ledger.database, app.clock).look()
    enabled = app.registry.list(enabled_only=True)
    wanted = [entry.symbol for entry in enabled if Phase.STREAM in entry.strategy.phases]
    heard = [symbol for symbol in wanted if any(brings(health, symbol) for health in running)]
    app.registry.streamed(heard)
    waiting = {*wanted} - {*heard}
    if waiting:
        log.warning(
            "streams_waiting", symbols=len(waiting), reasons=sorted({stream_word(one, running) for one in waiting})
        )


@contextmanager
def streaming(app: App) -> Iterator[None]:
    """Streams what the registry asks for from a thread of its own, until the end of the block; then it is drained.

    A cluster that another process streams is taken over when that one ends or dies. Nothing without an API key.
    """
    if not app.has_rest:
        yield
        return
    from forebay.app.streams import open_stream, wanted_by_registry
    from forebay.orchestration.live.crew import Crew

    crew = Crew(partial(open_stream, app), partial(wanted_by_registry, app), follow=True)
    thread = Thread(target=crew.run_alone, name="streams", daemon=True)
    thread.start()
    try:
        yield
    finally:
        crew.stop_from_outside()
        thread.join(_DRAINED)


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
