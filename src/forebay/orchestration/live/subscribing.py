"""What a symbol's live data are: its cluster, its minute bars, and whether a stream brings them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from forebay.errors import UsageError
from forebay.model.calendar import day_start
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.catalogue import Kind as Rows
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.live import WILDCARD, Cluster, StreamHealth, StreamState, Subscription
from forebay.vendor.stream.channels import Kind, channel_of, check_subscriptions


def cluster_of(symbol: str) -> Cluster | None:
    """The cluster that a symbol comes on; None for futures."""
    asset_class = asset_class_of(symbol)
    return None if asset_class is AssetClass.FUTURES else Cluster(asset_class.value)


def minutes_of(cluster: Cluster, symbol: str) -> Subscription:
    """The subscription to a symbol's minute bars."""
    return Subscription(channel_of(cluster, Kind.MINUTES), symbol)


def wanted_for(symbols: Iterable[str]) -> dict[Cluster, set[Subscription]]:
    """The minute bars of these symbols by cluster. What no cluster can carry is left out."""
    wanted: dict[Cluster, set[Subscription]] = {}
    for symbol in symbols:
        cluster = cluster_of(symbol)
        if cluster is not None and _can_be(cluster, symbol):
            wanted.setdefault(cluster, set()).add(minutes_of(cluster, symbol))
    return wanted


def brings(health: StreamHealth, symbol: str) -> bool:
    """Whether this stream, as it is now, brings the symbol's minute bars."""
    if health.worker is None or health.state is not StreamState.STREAMING or cluster_of(symbol) is not health.cluster:
        return False
    return is_among(minutes_of(health.cluster, symbol), health.subscriptions)


def minutes_missed(
    cluster: Cluster, subscriptions: Iterable[Subscription], now: datetime
) -> tuple[datetime, list[Subscription]]:
    """When the session date of `now` began (UTC), and the minute bars among these: what of it is past was not heard."""
    dataset = BAR_DATASETS[f"{cluster.asset_class}/{Rows.BARS_1M}"]
    today = now.astimezone(ZoneInfo(dataset.timezone)).date()
    channel = channel_of(cluster, Kind.MINUTES)
    return day_start(dataset, today), sorted(each for each in subscriptions if each.channel == channel)


def is_among(subscription: Subscription, others: Collection[Subscription]) -> bool:
    """Whether it is one of those, or its channel's wildcard is."""
    return subscription in others or Subscription(subscription.channel, WILDCARD) in others


def _can_be(cluster: Cluster, symbol: str) -> bool:
    try:
        check_subscriptions(cluster, [minutes_of(cluster, symbol)])
    except UsageError:
        return False
    return True
