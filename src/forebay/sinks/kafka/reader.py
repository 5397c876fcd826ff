"""Reads topics from positions that its caller keeps: Kafka's group shares partitions out, and stores no offset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from structlog import get_logger

from forebay.errors import SinkRefused
from forebay.model.place import Place
from forebay.settings.servers import KafkaSettings
from forebay.sinks.kafka.client import ask_for_topics, configuration, library, open_client, translated
from forebay.sinks.kafka.topics import Topics

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, TopicPartition
    from confluent_kafka import Message as Record

log = get_logger(__name__)

_LISTING = 10.0
"""Seconds that the cluster may take to list its topics."""
_AHEAD_KB = 32_768
"""Of messages that the library reads ahead; what it is reading comes on top."""
_GONE = ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION")


class Taken(NamedTuple):
    """One message as it lay in its partition."""

    place: Place
    offset: int
    value: bytes | None


@dataclass(slots=True)
class Stretch:
    """Messages of one place that came together, in their order. A batch has many messages and few of these."""

    place: Place
    offsets: list[int] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)


class Reader:
    """For one thread. What it calls its places changes when others join or leave the group, and with new topics."""

    def __init__(self, settings: KafkaSettings, group: str, *, alone: bool = False) -> None:
        """Opens no connection yet. With `alone` every partition is its own, whoever else reads.

        Raises UsageError where no server is named or the library is not installed.
        """
        self.topics = Topics(settings.prefix)
        self.places: frozenset[Place] = frozenset()
        self.changed = False
        """Whether places were given or taken away: nothing comes until `start` names their positions."""
        self._servers = settings.require_servers()
        self._alone = alone
        self._known: set[Place] = set()
        self._stale = False
        self._ended: set[Place] = set()
        self._held_back: list[Stretch] = []
        self._refusal: SinkRefused | None = None
        self._consumer: Any = open_client("Consumer", configuration(settings) | _conf(group) | {"error_cb": self._hear})

    def look(self) -> int:
        """Look for topics of ours, and subscribe to them if any is new or gone; how many there are.

        Raises SinkUnavailable, SinkRefused.
        """
        found = ask_for_topics(self._consumer, self._raise_heard, _LISTING, self._servers).values()
        ours = re.compile(self.topics.pattern())
        listed = {Place(each.topic, number) for each in found if ours.match(each.topic) for number in each.partitions}
        if listed != self._known or self._stale:
            self._known, self._stale = listed, False
            self._subscribe()
        return len({place.topic for place in listed})

    def start(self, positions: Mapping[Place, int]) -> None:
        """Read on from the next offset of each of `places`; from its first message where there is none."""
        kafka = library()
        self._ended, self._held_back, self.changed = set(), [], False
        first = kafka.OFFSET_BEGINNING
        self._consumer.assign(
            [kafka.TopicPartition(each.topic, each.partition, positions.get(each, first)) for each in self.places]
        )

    def take(self, most: int, seconds: float) -> list[Stretch]:
        """What has come within `seconds`, `most` messages at most; nothing once `changed`. Raises SinkRefused."""
        held, self._held_back = self._held_back, []
        if self._known:
            held += self._sorted(self._consumer.consume(most, seconds))
        self._raise_refusal()
        return [] if self.changed else held

    def rest(self, seconds: float) -> None:
        """Take nothing for so long, and stay in the group."""
        assigned = self._consumer.assignment()
        self._consumer.pause(assigned)
        self._hear_out(seconds)
        if not self.changed:
            self._consumer.resume(assigned)

    @property
    def caught_up(self) -> bool:
        """Whether the end of every place was seen since its last message."""
        return not self.changed and self._ended >= self.places and not self._held_back

    def lags(self, positions: Mapping[Place, int | None]) -> dict[str, int]:
        """Messages of each topic that lie beyond these positions; no topic of which there was no answer yet."""
        kafka, behind = library(), dict[str, int]()
        for place in self.places:
            low, high = self._consumer.get_watermark_offsets(
                kafka.TopicPartition(place.topic, place.partition), cached=True
            )
            if high >= 0:
                lag = max(0, high - (positions.get(place) or max(low, 0)))
                behind[place.topic] = behind.get(place.topic, 0) + lag
        return behind

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self._consumer.close()

    def _subscribe(self) -> None:
        if self._alone:
            self._given(self._known)
        else:
            names = sorted({place.topic for place in self._known})
            self._consumer.subscribe(names, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        log.info("kafka_topics_found", topics=len({place.topic for place in self._known}))

    def _assigned(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        consumer.assign([])  # until the caller knows their positions
        self._given({Place(each.topic, each.partition) for each in partitions})

    def _revoked(self, consumer: Any, _: list[TopicPartition]) -> None:
        consumer.unassign()
        self._given(set())

    def _given(self, places: set[Place]) -> None:
        self.places, self.changed = frozenset(places), True

    def _sorted(self, records: list[Record]) -> list[Stretch]:
        """Messages, those of a place together; events of the library are taken note of."""
        found: dict[Place, Stretch] = {}
        topic, partition, one = "", -1, Stretch(Place("", -1))
        for record in records:
            if (error := record.error()) is not None:
                self._note(Place(record.topic() or "", record.partition() or 0), error)
                partition = -1
                continue
            if record.partition() != partition or record.topic() != topic:
                topic, partition = record.topic() or "", record.partition() or 0
                place = Place(topic, partition)
                one = found.setdefault(place, Stretch(place))
                self._ended.discard(place)  # a message came after the end was seen
            one.offsets.append(record.offset() or 0)
            one.values.append(record.value())
        return list(found.values())

    def _note(self, place: Place, error: KafkaError) -> None:
        if error.name() == "_PARTITION_EOF":
            self._ended.add(place)
        elif error.name() in _GONE:
            log.warning("kafka_topic_gone", topic=place.topic)
            self._stale = True
        else:
            self._hear(error)

    def _hear(self, error: KafkaError) -> None:
        """The library goes on by itself after whatever may pass."""
        why = translated(error, "was read from", self._servers)
        if isinstance(why, SinkRefused):
            self._refusal = why
        else:
            log.debug("kafka_away", why=error.str())

    def _hear_out(self, seconds: float) -> None:
        """Let the library say what it has to; a message that comes with it is kept for the next `take`."""
        self._held_back += self._sorted([one for one in [self._consumer.poll(seconds)] if one is not None])

    def _raise_heard(self) -> None:
        self._hear_out(0.1)
        self._raise_refusal()

    def _raise_refusal(self) -> None:
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            raise refusal


def _conf(group: str) -> dict[str, Any]:
    return {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "roundrobin",
        "queued.max.messages.kbytes": _AHEAD_KB,
        "fetch.wait.max.ms": 100,
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 1_000,
        "topic.metadata.refresh.interval.ms": 60_000,
    }
