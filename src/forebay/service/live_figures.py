"""Figures of live data, read from the ledger's database when a monitor asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

from forebay.app.streams import wanted_by_registry
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.live import StreamState

if TYPE_CHECKING:
    from forebay.app import App


def live_figures(app: App) -> Iterator[Metric]:
    """Each cluster's stream, and the interruptions that are not made good. Raises LedgerError."""
    up, last, lag, reconnects, gaps = (
        GaugeMetricFamily(f"forebay_stream_{name}", about, labels=["cluster"])
        for name, about in (
            ("up", "Whether a process streams the cluster, and everything asked for is acknowledged."),
            ("last_message_timestamp_seconds", "When the last message came."),
            ("lag_seconds", "From an event's own time to its arrival."),
            ("reconnects", "Since the stream was started."),
            ("gap_seconds", "Of interruptions since the stream was started."),
        )
    )
    counts = GaugeMetricFamily("forebay_stream_count", "Messages, bad events, of sinks.", labels=["cluster", "what"])
    streams = Streams(app.ledger.database, app.clock)
    for health in streams.look():
        cluster = [health.cluster.value]
        up.add_metric(cluster, health.state is StreamState.STREAMING)
        reconnects.add_metric(cluster, health.reconnects)
        gaps.add_metric(cluster, health.gap_seconds)
        if health.last_message:
            last.add_metric(cluster, health.last_message.timestamp())
        if health.lag is not None:
            lag.add_metric(cluster, health.lag)
        for name, count in health.counts.items():
            counts.add_metric([*cluster, name], count)
    owed = Counter(noted.interruption.cluster.value for noted in Interruptions(app.ledger.database, app.clock).open())
    interrupted = GaugeMetricFamily(
        "forebay_stream_open_interruptions", "Interruptions that are not made good.", labels=["cluster"]
    )
    for name, count in owed.items():
        interrupted.add_metric([name], count)
    yield from (up, last, lag, reconnects, gaps, counts, interrupted)
    yield _wanted(app, streams)


def _wanted(app: App, streams: Streams) -> Metric:
    """Told apart from one that somebody ended: for that one nobody is to be woken."""
    wanted = GaugeMetricFamily(
        "forebay_stream_wanted", "The registry asks for the cluster, or its process died.", labels=["cluster"]
    )
    for cluster in sorted({*wanted_by_registry(app), *streams.abandoned()}):
        wanted.add_metric([cluster.value], 1)
    return wanted
