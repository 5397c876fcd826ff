"""Live data, wired: a cluster's session, the sinks that the settings name, and the seam with history."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from forebay.clock import SystemClock
from forebay.errors import UsageError
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.calendar import NEW_YORK, session, session_days
from forebay.model.catalogue import BAR_DATASETS, Dataset
from forebay.model.catalogue import Kind as Rows
from forebay.model.live import WILDCARD, Cluster, StreamHealth, Subscription
from forebay.model.registry import Phase
from forebay.orchestration.live.bad_events import BadEvents
from forebay.orchestration.live.lake_sink import LakeSink
from forebay.orchestration.live.outlet import Outlet
from forebay.orchestration.live.refill import Refill
from forebay.orchestration.live.seam import Seam
from forebay.orchestration.live.stream import LiveStream
from forebay.orchestration.live.subscribing import is_among, minutes_missed, wanted_for
from forebay.sinks.base import Sink
from forebay.vendor.stream.limits import Overflow, SessionLimits, delay_of
from forebay.vendor.stream.session import Session

if TYPE_CHECKING:
    from forebay.app.wired import App

_SOON = timedelta(seconds=1)
"""Between two flushes of a sink that is no lake."""
_ASKED = 20
"""Tickers that the vendor is asked about, when no universe knows them."""


def open_stream(
    app: App,
    cluster: Cluster,
    subscriptions: Collection[Subscription],
    *,
    also: Iterable[Sink] = (),
    limits: SessionLimits | None = None,
) -> LiveStream:
    """Take the cluster for this process, and make its stream; what was missed since the last one is noted.

    It sends to the sinks that the settings name and `also` to these; `limits` stand for those of the settings.
    Raises UsageError when another process streams it, for settings and subscriptions that cannot be, LedgerError.
    """
    streams = Streams(app.ledger.database, app.clock)
    session = _session(app, cluster, subscriptions, limits or _limits(app))
    earlier = next((health for health in streams.look() if health.cluster is cluster), None)
    if not streams.take(cluster, app.worker_id):
        raise UsageError(
            f"{cluster} is streamed by {earlier.worker if earlier else 'another process'} already: an account has one "
            "connection to each cluster",
            remedy="stop that process; `forebay stream status` shows it",
        )
    outlets = [*_outlets(app), *(_outlet(app, sink, _SOON) for sink in also)]
    seam = Seam(cluster, Interruptions(app.ledger.database, app.clock), _refill(app), outlets, app.clock)
    for since, missed in _missed(app, cluster, earlier, subscriptions):
        seam.down(since, missed)
    bad = BadEvents(cluster, app.quarantine, app.clock)
    return LiveStream(cluster, app.worker_id, session, {*subscriptions}, outlets, seam, streams, bad, app.clock)


def wanted_by_registry(app: App) -> dict[Cluster, set[Subscription]]:
    """Minute bars of every enabled symbol whose strategy streams. Raises LedgerError."""
    entries = app.registry.list(enabled_only=True)
    return wanted_for(entry.symbol for entry in entries if Phase.STREAM in entry.strategy.phases)


def misspelt(app: App, subscriptions: Iterable[Subscription], stopped: Callable[[], bool]) -> Iterator[str]:
    """Symbols that neither a universe nor the vendor knows: it acknowledges them, and never sends anything.

    Asks the vendor for a few at most, one after the other until `stopped`, and nobody without an API key. Raises
    VendorError, LedgerError.
    """
    from forebay.symbols.unknown import unknown_tickers

    named = {each.symbol for each in subscriptions} - {WILDCARD}
    if not named or not app.has_rest:
        return
    today = app.clock.now().astimezone(NEW_YORK).date()
    strange = sorted(named - app.universes.lifetimes(named).keys())
    for symbol in strange[:_ASKED]:
        if stopped():
            return
        yield from unknown_tickers(app.rest, app.universes, [symbol], today)


def _limits(app: App) -> SessionLimits:
    vendor, stream = app.settings.vendor, app.settings.stream
    return SessionLimits(
        cooldown=stream.cooldown,
        silence=stream.silence,
        overflow=Overflow(stream.overflow),
        delay=delay_of(vendor.stream_url),
    )


def _session(app: App, cluster: Cluster, subscriptions: Collection[Subscription], limits: SessionLimits) -> Session:
    vendor = app.settings.vendor
    return Session(
        vendor.stream_url,
        vendor.require_api_key(),
        cluster,
        sorted(subscriptions),
        clock=app.clock,
        random=Random().random,
        limits=limits,
        open_now=lambda: _is_busy(_minutes(cluster), app.clock.now()),
    )


def _is_busy(dataset: Dataset, now: datetime) -> bool:
    """Whether it is in regular hours: outside of them a few symbols may well be silent for long."""
    day = now.astimezone(ZoneInfo(dataset.timezone)).date()
    if not session_days(dataset.calendar, day, day):
        return False
    hours = session(dataset.calendar, day)
    return hours.regular_opens <= now < hours.regular_closes


def _refill(app: App) -> Refill:
    delay = timedelta(seconds=delay_of(app.settings.vendor.stream_url))
    rest = app.batch_rest if app.has_rest else None
    return Refill(rest, app.clock, app.settings.stream.refill_calls, delay, partial(_held, app))


def _held(app: App, cluster: Cluster, first: date, last: date) -> Collection[str]:
    table = _minutes(cluster).table
    if table not in app.lake.tables():
        return ()
    rows = app.lake.rows(table, None, first, last).select(pl.col("ticker").unique())
    return list(rows.collect(engine="streaming").to_series())


def _outlets(app: App) -> Iterator[Outlet]:
    """The lake; then Kafka or, without it, the database; and whoever listens at Redis."""
    every = timedelta(seconds=app.settings.stream.lake_seconds)
    yield _outlet(app, LakeSink(app.tables, app.quarantine, app.clock), every)
    if app.settings.kafka.bootstrap_servers:
        from forebay.sinks.kafka.sink import KafkaSink

        yield _outlet(app, KafkaSink(app.settings.kafka), _SOON)
    elif "TIMESCALE_HOST" in app.settings.origins:
        from forebay.sinks.timescale.sink import TimescaleSink
        from forebay.sinks.timescale.store import Store

        yield _outlet(app, TimescaleSink(Store(app.settings.timescale)), _SOON)
    if app.settings.queue.url:
        from forebay.sinks.kafka.codec import encode
        from forebay.sinks.redis.sink import RedisSink

        yield _outlet(app, RedisSink(app.settings.queue.require_url(), encode), _SOON, best_effort=True)


def _outlet(app: App, sink: Sink, every: timedelta, *, best_effort: bool = False) -> Outlet:
    """Flushed by the machine's clock: the application's may be that of a replay."""
    most = app.settings.stream.queue
    return Outlet(sink, SystemClock(), Random(), most=most, every=every, best_effort=best_effort)


def _missed(
    app: App, cluster: Cluster, earlier: StreamHealth | None, wanted: Collection[Subscription]
) -> Iterator[tuple[datetime, list[Subscription]]]:
    """What was not heard before this process: since the last one for what it had, else today's minutes so far."""
    heard = earlier.heard_until if earlier else None
    had = [each for each in wanted if heard and earlier and is_among(each, earlier.subscriptions)]
    if heard and had:
        yield heard, sorted(had)
    began, fresh = minutes_missed(cluster, (each for each in wanted if each not in had), app.clock.now())
    if fresh:
        yield began, fresh


def _minutes(cluster: Cluster) -> Dataset:
    return BAR_DATASETS[f"{cluster.asset_class}/{Rows.BARS_1M}"]
