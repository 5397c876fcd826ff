"""Which channels a cluster has, what comes on them, and what may be subscribed to: settled before anything is asked.

The vendor answers an unknown channel with silence (vendor page on streaming, section 1), so it is our error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

from forebay.errors import UsageError
from forebay.model.live import WILDCARD, Cluster, Subscription
from forebay.vendor.stream.tickers import check_ticker, stream_symbol


class Kind(StrEnum):
    """What comes on a channel."""

    SECONDS = "bars of a second"
    MINUTES = "bars of a minute"
    TRADES = "trades"
    QUOTES = "quotes"
    VALUES = "values"


_EQUITIES = {"A": Kind.SECONDS, "AM": Kind.MINUTES, "T": Kind.TRADES, "Q": Kind.QUOTES}
CHANNELS: Mapping[Cluster, Mapping[str, Kind]] = {
    Cluster.STOCKS: _EQUITIES,
    Cluster.OPTIONS: _EQUITIES,
    Cluster.INDICES: {"A": Kind.SECONDS, "AM": Kind.MINUTES, "V": Kind.VALUES},
    Cluster.FOREX: {"CAS": Kind.SECONDS, "CA": Kind.MINUTES, "C": Kind.QUOTES},
    Cluster.CRYPTO: {"XAS": Kind.SECONDS, "XA": Kind.MINUTES, "XT": Kind.TRADES, "XQ": Kind.QUOTES},
}
"""The channels that Forebay keeps."""

_NOT_KEPT = frozenset({"LULD", "NOI", "FMV", "LV", "XL2"})
"""Channels of the vendor's for which Forebay has no table."""
_MOST_OPTION_QUOTES = 1000
"""Contracts whose quotes one connection carries (section 2)."""


def channel_of(cluster: Cluster, kind: Kind) -> str:
    """The cluster's channel for a kind. Raises UsageError where it has none, such as trades of an index."""
    for channel, carried in CHANNELS[cluster].items():
        if carried is kind:
            return channel
    raise UsageError(f"the stream of {cluster} has no {kind}", remedy=f"It has {_offered(cluster)}.")


def check_subscriptions(cluster: Cluster, subscriptions: Iterable[Subscription]) -> None:
    """Raises UsageError for the first subscription that the cluster cannot have."""
    counted = Counter(_checked(cluster, one).channel for one in set(subscriptions))
    if cluster is Cluster.OPTIONS and counted["Q"] > _MOST_OPTION_QUOTES:
        raise UsageError(
            f"{counted['Q']:,} option contracts on channel Q, the vendor allows {_MOST_OPTION_QUOTES:,} a connection",
            remedy="Subscribe to quotes of fewer contracts; trades and bars have no such limit.",
        )


def wire_name(cluster: Cluster, subscription: Subscription) -> str:
    """The subscription as the vendor wants it: `XA.BTC-USD`, where REST says X:BTCUSD."""
    return f"{subscription.channel}.{stream_symbol(cluster, subscription.symbol)}"


def _checked(cluster: Cluster, subscription: Subscription) -> Subscription:
    channel, symbol = subscription.channel, subscription.symbol
    if channel not in CHANNELS[cluster]:
        known = " that Forebay keeps" if channel in _NOT_KEPT else ""
        raise UsageError(
            f"{subscription}: the stream of {cluster} has no channel {channel!r}{known}",
            remedy=f"It has {_offered(cluster)}.",
        )
    if symbol == WILDCARD:
        _check_wildcard(cluster, channel)
        return subscription
    try:
        check_ticker(cluster, symbol)
        stream_symbol(cluster, symbol)
    except ValueError as error:
        raise UsageError(
            f"{subscription}: {error}", remedy=f"Name a ticker of {cluster} as REST spells it, or * for all."
        ) from error
    return subscription


def _check_wildcard(cluster: Cluster, channel: str) -> None:
    if cluster is Cluster.OPTIONS and channel == "Q":
        raise UsageError(
            "Q.*: the vendor has no quotes of all options at once",
            remedy=f"Name up to {_MOST_OPTION_QUOTES:,} contracts.",
        )


def _offered(cluster: Cluster) -> str:
    return ", ".join(f"{channel} ({kind})" for channel, kind in CHANNELS[cluster].items())
