"""Kafka or a database as a destination of bars that the lake holds: which one, and under which name there."""

from __future__ import annotations

from dataclasses import dataclass

KAFKA, TIMESCALE = "kafka", "timescale"
"""The destinations' names; in full they also say where: `kafka:chronox@host:9092`, `timescale:chronox@host:5432`."""
SENT_SIZES = ("1m", "1d")
"""The sizes of bars that are sent where none is named, and those of the database: its larger bars are views."""


@dataclass(frozen=True, slots=True)
class SinkPlace:
    """A place of a sink. `str()` is its name as a destination of tasks and coverage: no user, no password."""

    sink: str
    """KAFKA or TIMESCALE."""
    name: str
    """What topics begin with; of a database its name."""
    servers: str
    """`host:port`; of Kafka several with commas, in byte order: however they are listed, it is one cluster."""

    @classmethod
    def of_kafka(cls, prefix: str, servers: str) -> SinkPlace:
        """From settings as a person writes them."""
        several = ",".join(sorted(filter(None, (server.strip() for server in servers.split(",")))))
        return cls(KAFKA, prefix, several)

    @classmethod
    def of_database(cls, name: str, host: str, port: int) -> SinkPlace:
        """From settings."""
        return cls(TIMESCALE, name, f"{host}:{port}")

    def __str__(self) -> str:
        return f"{self.sink}:{self.name}@{self.servers}"


def sink_place(destination: str) -> SinkPlace | None:
    """The place that a destination names in full; None for any other destination."""
    sink, _, rest = destination.partition(":")
    name, _, servers = rest.rpartition("@")
    if not name or not servers:
        return None
    if sink == KAFKA:
        return SinkPlace.of_kafka(name, servers)
    host, _, port = servers.rpartition(":")
    return SinkPlace.of_database(name, host, int(port)) if sink == TIMESCALE and host and port.isdecimal() else None
