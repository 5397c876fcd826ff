"""Figures of what is held: how fresh it is, and of what something lacks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

from forebay.app.feeds import known_feeds, registry_feeds
from forebay.ledger.figures import gaps_that_stay, unsatisfied
from forebay.orchestration.behind import behind

if TYPE_CHECKING:
    from forebay.app import App

_LABELS = ["table", "destination"]


def held_figures(app: App) -> Iterator[Metric]:
    """Of the tables that feeds and the registry keep. Raises LedgerError, UsageError for feeds that make no sense."""
    yield from _freshness(app)
    gaps = GaugeMetricFamily("forebay_gaps", "Sessions whose minutes lack at the vendor, too.", labels=["table"])
    for table, count in gaps_that_stay(app.ledger.database).items():
        gaps.add_metric([table], count)
    yield gaps
    lacking = GaugeMetricFamily(
        "forebay_coverage_unsatisfied",
        "Partitions that are pending_upstream, missing_upstream or suspect.",
        labels=[*_LABELS, "verdict"],
    )
    for what, count in unsatisfied(app.ledger.database).items():
        lacking.add_metric([what.table, what.destination, what.verdict], count)
    yield lacking


def _freshness(app: App) -> Iterator[Metric]:
    held, published, age, sessions = (
        GaugeMetricFamily(f"forebay_{name}", about, labels=_LABELS)
        for name, about in (
            ("held_until_timestamp_seconds", "Midnight, UTC, of the newest session date that is held."),
            ("published_until_timestamp_seconds", "The same of the newest one that is wanted and published."),
            ("freshness_seconds", "Between the two: 0 is as fresh as can be."),
            ("sessions_behind", "Session dates between the two."),
        )
    )
    for each in behind(app.ledger, [*known_feeds(app), *registry_feeds(app)], app.clock.now()):
        labels = [each.table, each.destination]
        published.add_metric(labels, _midnight(each.published))
        sessions.add_metric(labels, each.sessions)
        if each.held is not None and each.age is not None:
            held.add_metric(labels, _midnight(each.held))
            age.add_metric(labels, each.age.total_seconds())
    yield from (held, published, age, sessions)


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
