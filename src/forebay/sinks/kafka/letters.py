"""The topic of dead letters: messages that nobody can use, with the reason and where they lay."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forebay.errors import SinkError, SinkUnavailable
from forebay.settings.servers import KafkaSettings
from forebay.sinks.kafka.admin import TopicAdmin
from forebay.sinks.kafka.client import configuration, library, open_client, translated
from forebay.sinks.kafka.reader import Taken
from forebay.sinks.kafka.topics import Topics

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka import Message as Report

_HEAD = 10_000
"""Bytes that are kept of a message that is too large to be sent again whole."""
_TOO_LARGE = ("MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and why it cannot be used."""

    taken: Taken
    reason: str


class DeadLetters:
    """Sends letters; connects when there is a first one."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Raises UsageError where no server is named."""
        self.topic = Topics(settings.prefix).dead_letters
        self._servers, self._seconds = settings.require_servers(), settings.timeout
        self._conf = configuration(settings)
        self._admin = TopicAdmin(settings, self._conf)
        self._producer: Any = None
        self._failed: list[KafkaError] = []

    def bury(self, letters: Sequence[Letter]) -> None:
        """Return when Kafka has acknowledged all of them. Given again, they are there twice.

        Raises SinkUnavailable, SinkRefused.
        """
        if not letters:
            return
        self._admin.ensure([self.topic], self._seconds)
        if self._producer is None:
            conf = {"enable.idempotence": True, "acks": "all", "message.timeout.ms": int(self._seconds * 1000)}
            self._producer = open_client("Producer", self._conf | conf)
        self._failed = []
        until = time.monotonic() + self._seconds
        for letter in letters:
            self._send(letter, until)
        try:
            left = self._producer.flush(max(0.0, until - time.monotonic()))
        except library().KafkaException as error:
            raise self._broken(error.args[0]) from error
        if self._failed:
            raise translated(self._failed[0], f"was sent dead letters for {self.topic}", self._servers)
        if left:
            self._producer.purge()
            raise self._away(f"{left} of {len(letters)} dead letters")

    def _send(self, letter: Letter, until: float) -> None:
        taken = letter.taken
        value = taken.value or b""
        try:
            self._produce(letter, value, until)
        except library().KafkaException as error:
            if error.args[0].name() not in _TOO_LARGE:
                raise self._broken(error.args[0]) from error
            self._produce(letter, value[:_HEAD], until)

    def _broken(self, error: KafkaError) -> SinkError:
        """What to raise of an error; after one that the library calls fatal another producer is made."""
        if error.fatal() or error.name() == "_FATAL":
            self._producer = None
        return translated(error, f"was sent a dead letter for {self.topic}", self._servers)

    def _produce(self, letter: Letter, value: bytes, until: float) -> None:
        place = letter.taken.place
        headers = {
            "reason": letter.reason,
            "topic": place.topic,
            "partition": str(place.partition),
            "offset": str(letter.taken.offset),
            "bytes": str(len(letter.taken.value or b"")),
        }
        key = f"{place.topic}/{place.partition}/{letter.taken.offset}"
        encoded = {name: text.encode() for name, text in headers.items()}
        while True:
            try:
                self._producer.produce(self.topic, value, key, headers=encoded, on_delivery=self._delivered(letter))
            except BufferError:
                if time.monotonic() >= until:
                    raise self._away("dead letters") from None
                self._producer.poll(0.05)
            else:
                return

    def _delivered(self, letter: Letter) -> Any:
        def told(error: KafkaError | None, report: Report) -> None:
            size = len(report.value() or b"")
            if error is None:
                return
            if error.name() in _TOO_LARGE and size > _HEAD:  # the broker takes less than the library
                self._produce(letter, (letter.taken.value or b"")[:_HEAD], 0)
            else:
                self._failed.append(error)

        return told

    def _away(self, what: str) -> SinkUnavailable:
        return SinkUnavailable(
            f"Kafka at {self._servers} has not acknowledged {what} in {self._seconds:g} s",
            remedy="See that Kafka runs. Nothing is stored of the batch until they are.",
        )
