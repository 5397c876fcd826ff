"""The library's producer as a queue: what was put in and is not acknowledged; it gives up on nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from structlog import get_logger

from forebay.settings.servers import KafkaSettings
from forebay.sinks.kafka.client import library, open_client

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka import Message as Report

log = get_logger(__name__)

_OVERHEAD = 256
"""Bytes that a message takes in the library's memory beside its own; 230 were seen."""
_LAST = 5.0
"""Seconds that the library may take to give back what it is not to send any more."""


class Queue:
    """For one thread at a time. The producer is another one after an error that the library calls fatal."""

    def __init__(
        self, settings: KafkaSettings, conf: dict[str, Any], given_back: Callable[[KafkaError, Report], None]
    ) -> None:
        """`given_back` is called, while it is polled, for each message that was not taken. Raises UsageError."""
        self.heard: KafkaError | None = None
        """What the library last said of its connections."""
        self._given_back = given_back
        self._conf = {
            **conf,
            "enable.idempotence": True,
            "acks": "all",
            "allow.auto.create.topics": False,
            "topic.metadata.propagation.max.ms": 5000,  # after that a topic that was removed is created anew
            "message.timeout.ms": 0,  # for ever: what is given up on would be lost
            "queue.buffering.max.kbytes": max(1, settings.buffer // 2 // 1024),
            "queue.buffering.max.messages": settings.buffer // 2 // _OVERHEAD,
            "compression.type": settings.compression,
            "delivery.report.only.error": True,
            "on_delivery": self._told,
            "error_cb": self._hear,
        }
        self._producer: Any = open_client("Producer", self._conf)

    def __len__(self) -> int:
        return len(self._producer or ())

    @property
    def is_open(self) -> bool:
        """Whether it was not let go."""
        return self._producer is not None

    @property
    def put(self) -> Callable[[str, bytes, bytes], None]:
        """Takes topic, value and key, as long as `renew` is not called.

        Raises BufferError when there is no room, and the library's KafkaException.
        """
        produce: Callable[[str, bytes, bytes], None] = self._producer.produce
        return produce

    def poll(self, seconds: float) -> None:
        """Hear what became of messages; waits so long at most for something to hear.

        An error that the library calls fatal comes out here; in its `flush` that costs the next message given back.
        """
        try:
            self._producer.poll(seconds)
        except library().KafkaException as error:
            self.renew(error.args[0])

    def settle(self, until: float) -> None:
        """Hear what became of all that is under way, until a time of the monotonic clock."""
        while len(self) and (left := until - time.monotonic()) > 0:
            self.poll(min(left, 0.1))

    def look_at(self, topic: str, seconds: float) -> None:
        """Have the library know a topic as it is now."""
        with suppress(library().KafkaException):
            self._producer.list_topics(topic, timeout=seconds)

    def renew(self, error: KafkaError) -> None:
        """Another producer in the place of one that can go on no more: the broker has forgotten what it knew of it."""
        log.warning("kafka_producer_renewed", waiting=len(self), why=error.str())
        self.let_go()
        self._producer = open_client("Producer", self._conf)

    def let_go(self) -> None:
        """End the producer; what it still had is given back."""
        producer, self._producer, until = self._producer, None, time.monotonic() + _LAST
        if producer is None:
            return
        producer.purge()
        while len(producer) and time.monotonic() < until:
            with suppress(library().KafkaException):  # said already
                producer.poll(0.1)
        producer.close()

    def _told(self, error: KafkaError | None, report: Report) -> None:
        if error is not None:
            self._given_back(error, report)

    def _hear(self, error: KafkaError) -> None:
        self.heard = error
