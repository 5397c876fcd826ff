"""Which channels a cluster has, what each carries, and who may have it. Source: the vendor's streaming page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from forebay.model.instrument import AssetClass
from forebay.model.live import WILDCARD, Cluster, Subscription
from forebay.sandbox.plans import Plan


class Content(StrEnum):
    """What the events of a channel are made of."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    TRADES = "trades"
    QUOTES = "quotes"
    NOTHING = "nothing"
    """The vendor has the channel; here nothing ever comes on it."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of one cluster. `needs` is what the plan must have: an attribute of `Plan`, or a word below."""

    name: str
    content: Content
    needs: str = ""


_REAL_TIME = "real time"
_ADD_ON = "add-on"
"""In no plan."""
_BARS, _SECONDS = Content.MINUTES, Content.SECONDS
_TRADES, _QUOTES, _NOTHING = Content.TRADES, Content.QUOTES, Content.NOTHING

CHANNELS: Mapping[Cluster, Mapping[str, Channel]] = MappingProxyType(
    {
        cluster: {one.name: one for one in channels}
        for cluster, channels in {
            Cluster.STOCKS: (
                Channel("AM", _BARS),
                Channel("A", _SECONDS),
                Channel("T", _TRADES, "trades"),
                Channel("Q", _QUOTES, _REAL_TIME),
                Channel("LULD", _NOTHING, _REAL_TIME),
                Channel("NOI", _NOTHING, _ADD_ON),
                Channel("FMV", _NOTHING, _ADD_ON),
            ),
            Cluster.OPTIONS: (
                Channel("AM", _BARS),
                Channel("A", _SECONDS),
                Channel("T", _TRADES, "trades"),
                Channel("Q", _QUOTES, _REAL_TIME),
                Channel("FMV", _NOTHING, _ADD_ON),
            ),
            Cluster.INDICES: (Channel("AM", _BARS), Channel("A", _SECONDS), Channel("V", _TRADES)),
            Cluster.FOREX: (Channel("CA", _BARS), Channel("CAS", _SECONDS), Channel("C", _QUOTES)),
            Cluster.CRYPTO: (
                Channel("XA", _BARS),
                Channel("XAS", _SECONDS),
                Channel("XT", _TRADES),
                Channel("XQ", _NOTHING),
            ),
        }.items()
    }
)

MOST_OPTION_QUOTES = 1000
"""Contracts a connection may have quotes of; and no wildcard."""


def includes(plan: Plan, channel: Channel) -> bool:
    """Whether the plan has the channel."""
    if channel.needs == _REAL_TIME:
        return not plan.delayed
    return not channel.needs or (channel.needs != _ADD_ON and bool(getattr(plan, channel.needs)))


def parse(text: str) -> Subscription | None:
    """One entry of a subscription's list; None when it has no form that the vendor knows."""
    channel, dot, symbol = text.strip().partition(".")
    return Subscription(channel, symbol) if channel and dot and symbol else None


def wire_symbol(asset_class: AssetClass, ticker: str) -> str:
    """How a ticker in REST spelling is called on the stream: `EUR/USD`, `BTC-USD`, others as they are."""
    if asset_class is AssetClass.FOREX:
        return f"{ticker[2:5]}/{ticker[5:]}"
    if asset_class is AssetClass.CRYPTO:
        return f"{ticker[2:-3]}-{ticker[-3:]}"
    return ticker


__all__ = ["CHANNELS", "MOST_OPTION_QUOTES", "WILDCARD", "Channel", "Content", "includes", "parse", "wire_symbol"]
