"""Where consumers are in Kafka: moved in the transaction that stores the rows, by whoever still stands there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import psycopg

from forebay.errors import PositionMoved
from forebay.model.place import Move, Place
from forebay.sinks.timescale.schema import POSITIONS

_READ = f"""
SELECT p.topic, p.partition, p.next_offset FROM {POSITIONS} p
JOIN unnest(%s::text[], %s::int[]) AS wanted(topic, partition) USING (topic, partition) WHERE p.consumer = %s"""
_FIRST = f"""
INSERT INTO {POSITIONS} (topic, partition, next_offset, consumer)
SELECT moved.*, %s FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS moved ON CONFLICT DO NOTHING"""
_NEXT = f"""
UPDATE {POSITIONS} p SET next_offset = moved.next_offset, updated_at = now()
FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) AS moved(topic, partition, next_offset, expected)
WHERE p.consumer = %s AND (p.topic, p.partition) = (moved.topic, moved.partition)
  AND p.next_offset = moved.expected"""


def read(connection: psycopg.Connection, consumer: str, places: Collection[Place]) -> dict[Place, int]:
    """The next offset of each place that has one."""
    topics, partitions = [place.topic for place in places], [place.partition for place in places]
    rows = connection.execute(_READ, [topics, partitions, consumer]).fetchall()
    return {Place(topic, partition): offset for topic, partition, offset in rows}


def move(connection: psycopg.Connection, consumer: str, moves: Sequence[Move]) -> None:
    """Compare and set. Raises PositionMoved when any of them is another one than expected."""
    ordered = sorted(moves, key=lambda each: each.place)  # so that two wait for each other and never for both
    first = [each for each in ordered if each.expected is None]
    later = [each for each in ordered if each.expected is not None]
    moved = 0
    if first:
        moved += connection.execute(_FIRST, [consumer, *_columns(first)]).rowcount
    if later:
        expected = [each.expected for each in later]
        moved += connection.execute(_NEXT, [*_columns(later), expected, consumer]).rowcount
    if moved != len(moves):
        raise PositionMoved(
            f"{len(moves) - moved} of {len(moves)} positions of consumer {consumer} were moved by another process",
            remedy="nothing is lost: its messages are read again from where it stands now",
        )


def _columns(moves: Sequence[Move]) -> tuple[list[str], list[int], list[int]]:
    return (
        [each.place.topic for each in moves],
        [each.place.partition for each in moves],
        [each.next for each in moves],
    )
