"""Figures of the consumers of Kafka, read from the ledger's database when a monitor asks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

from forebay.ledger.consumers import Consumers
from forebay.model.consuming import ConsumerHealth

if TYPE_CHECKING:
    from forebay.app import App

_OF_A_TOPIC = ("messages", "dead_letters", "batches", "lag")


def consumer_figures(app: App) -> Iterator[Metric]:
    """The processes of each name together, as far as they live, and each topic of theirs. Raises LedgerError."""
    by_name = defaultdict[str, list[ConsumerHealth]](list)
    for health in Consumers(app.ledger.database, app.clock).look():
        by_name[health.name] += [health] if health.alive else []
    yield from _whole(by_name)
    yield from _topics(by_name)


def _whole(by_name: dict[str, list[ConsumerHealth]]) -> Iterator[Metric]:
    up = GaugeMetricFamily("forebay_consumer_up", "Processes that consume.", labels=["consumer"])
    lag = GaugeMetricFamily("forebay_consumer_lag", "Messages that are not stored yet.", labels=["consumer"])
    last = GaugeMetricFamily(
        "forebay_consumer_last_commit_timestamp_seconds", "When a batch was last stored.", labels=["consumer"]
    )
    counts = GaugeMetricFamily(
        "forebay_consumer_count", "Since its processes were started.", labels=["consumer", "what"]
    )
    for name, several in by_name.items():
        up.add_metric([name], len(several))
        known = [each.lag for each in several if each.lag is not None]
        if known:
            lag.add_metric([name], sum(known))
        _latest(last, [name], (each.last_stored for each in several))
        totals = Counter[str]()
        for each in several:
            totals.update(each.counts)
        for what, count in totals.items():
            counts.add_metric([name, what], count)
    yield from (up, lag, last, counts)


def _topics(by_name: dict[str, list[ConsumerHealth]]) -> Iterator[Metric]:
    figures = GaugeMetricFamily(
        "forebay_consumer_topic", "Of each topic: messages, batches, lag.", labels=["consumer", "topic", "what"]
    )
    last = GaugeMetricFamily(
        "forebay_consumer_topic_last_commit_timestamp_seconds",
        "When a batch of it was last stored.",
        labels=["consumer", "topic"],
    )
    for name, several in by_name.items():
        for topic in sorted({topic for each in several for topic in each.topics}):
            parts = [each.topics[topic] for each in several if topic in each.topics]
            for what in _OF_A_TOPIC:
                figures.add_metric([name, topic, what], sum(getattr(part, what) or 0 for part in parts))
            _latest(last, [name, topic], (part.last_stored for part in parts))
    yield from (figures, last)


def _latest(family: GaugeMetricFamily, labels: list[str], moments: Iterable[datetime | None]) -> None:
    known = [moment for moment in moments if moment]
    if known:
        family.add_metric(labels, max(known).timestamp())
