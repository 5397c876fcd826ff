"""Kafka as a destination of bars that the lake holds: which cluster, and what its topics begin with."""

from __future__ import annotations

from dataclasses import dataclass

KAFKA = "kafka"
"""The destination's name; in full it also says where: `kafka:chronox@host:9092`."""


@dataclass(frozen=True, slots=True)
class KafkaPlace:
    """Topics on a cluster. `str()` is its name as a destination of tasks and coverage."""

    prefix: str
    servers: str
    """`host:port`, several with commas, in byte order: however they are listed, it is one cluster."""

    @classmethod
    def of(cls, prefix: str, servers: str) -> KafkaPlace:
        """From settings as a person writes them."""
        return cls(prefix, ",".join(sorted(filter(None, (server.strip() for server in servers.split(","))))))

    def __str__(self) -> str:
        return f"{KAFKA}:{self.prefix}@{self.servers}"


def kafka_place(destination: str) -> KafkaPlace | None:
    """The place that a destination names in full; None for any other destination."""
    name, _, rest = destination.partition(":")
    prefix, _, servers = rest.partition("@")
    return KafkaPlace.of(prefix, servers) if name == KAFKA and prefix and servers else None
