"""Where consumers are in Kafka: moved in the transaction that stores the rows, by whoever still stands there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from forebay.errors import PositionMoved
from forebay.sinks.timescale.schema import POSITIONS


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class Move:
    """From the next offset that was to be read to the one that is now."""

    place: Place
    expected: int
    next: int


_READ = f"""
SELECT p.topic, p.partition, p.next_offset FROM {POSITIONS} p
JOIN unnest(%s::text[], %s::int[]) AS wanted(topic, partition) USING (topic, partition) WHERE p.consumer = %s"""
_BEGIN = f"""
INSERT INTO {POSITIONS} (consumer, topic, partition, next_offset)
SELECT %s, * FROM unnest(%s::text[], %s::int[], %s::bigint[]) ON CONFLICT DO NOTHING"""
_MOVE = f"""
UPDATE {POSITIONS} p SET next_offset = moved.next_offset, updated_at = now()
FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) AS moved(topic, partition, expected, next_offset)
WHERE p.consumer = %s AND (p.topic, p.partition) = (moved.topic, moved.partition)
  AND p.next_offset = moved.expected"""


def read(connection: psycopg.Connection, consumer: str, places: Collection[Place]) -> dict[Place, int]:
    """The next offset of each place that has one."""
    topics, partitions = [place.topic for place in places], [place.partition for place in places]
    rows = connection.execute(_READ, [topics, partitions, consumer]).fetchall()
    return {Place(topic, partition): offset for topic, partition, offset in rows}


def begin(connection: psycopg.Connection, consumer: str, offsets: Mapping[Place, int]) -> None:
    """Give a position to those that have none."""
    topics, partitions = [place.topic for place in offsets], [place.partition for place in offsets]
    connection.execute(_BEGIN, [consumer, topics, partitions, list(offsets.values())])


def move(connection: psycopg.Connection, consumer: str, moves: Sequence[Move]) -> None:
    """Compare and set. Raises PositionMoved, before anything else is done, when a position is another one."""
    if not moves:
        return
    columns = zip(*((each.place.topic, each.place.partition, each.expected, each.next) for each in moves), strict=True)
    moved = connection.execute(_MOVE, [*map(list, columns), consumer]).rowcount
    if moved != len(moves):
        raise PositionMoved(
            f"{len(moves) - moved} of {len(moves)} positions of consumer {consumer} were moved by another process",
            remedy="nothing is lost: its messages are read again from where it stands now",
        )
