"""Bars to send to a real broker, and what came of them there."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import msgspec
from kafka_server import Broker
from test_kafka_codec import BAR

from forebay.model.message import BarMessage
from forebay.settings import load
from forebay.settings.servers import KafkaSettings
from forebay.sinks.kafka.codec import decode

_numbers = count(1)


def bars(symbol: str, number: int, first: int = 0) -> list[BarMessage]:
    """So many minute bars of a ticker, one after another."""
    return [
        msgspec.structs.replace(BAR, symbol=symbol, timestamp=BAR.timestamp + 60_000 * minute, volume=float(minute))
        for minute in range(first, first + number)
    ]


@dataclass
class Place:
    """Topics of one test on a broker."""

    broker: Broker
    prefix: str = field(default_factory=lambda: f"t{next(_numbers)}")

    def settings(self, **more: object) -> KafkaSettings:
        """Settings that lead there; `more` as variables without KAFKA_ in small letters."""
        given = {"bootstrap_servers": self.broker.address, "topic_prefix": self.prefix, "timeout": 20, **more}
        return load(environ={f"KAFKA_{name.upper()}": str(value) for name, value in given.items()}).kafka

    def held(self, symbol: str) -> list[BarMessage]:
        """What a ticker's topic of live bars holds, in order."""
        return [decode(message.value()) for message in self.broker.read(f"{self.prefix}.stream.{symbol}")]


def once(messages: list[BarMessage]) -> list[BarMessage]:
    """Each message at its first place: what a consumer makes of repeated ones."""
    return list(dict.fromkeys(messages))
