"""Sends messages to Kafka: nothing lost, in bounded memory, in order but for what Kafka gives back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from structlog import get_logger

from forebay.errors import CheckFailed, SinkRefused, SinkUnavailable
from forebay.model.message import Message
from forebay.settings.servers import KafkaSettings
from forebay.sinks.kafka.admin import TopicAdmin
from forebay.sinks.kafka.client import configuration, library, translated
from forebay.sinks.kafka.codec import encode
from forebay.sinks.kafka.queue import Queue
from forebay.sinks.kafka.topics import Addresses, Topics

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka import Message as Report

log = get_logger(__name__)

_ANSWER = 10.0
"""Seconds that an answer of the broker is waited for before it is asked again."""
_BETWEEN_POLLS = 1000
"""Messages after which it is looked for what became of earlier ones."""
_NEVER = ("MSG_SIZE_TOO_LARGE", "INVALID_RECORD", "INVALID_MSG", "INVALID_MSG_SIZE", "RECORD_LIST_TOO_LARGE")
"""Errors of a message, or of one that travelled with it, that another attempt does not help."""
_NO_TOPIC = ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION")


@dataclass(frozen=True, slots=True)
class Unsent:
    """One message that the library gave back."""

    topic: str
    key: bytes
    value: bytes
    alone: bool
    """It, or one that travelled with it, is too large: it is sent by itself to tell."""


class KafkaSink:
    """A `Sink`. What the queue gives back is sent again before anything else; what can never be sent is refused."""

    name = "kafka"

    def __init__(self, settings: KafkaSettings) -> None:
        """Opens no connection yet. Raises UsageError where no server is named or the library is not installed."""
        conf = configuration(settings)
        self.topics = Topics(settings.prefix, by_symbol=settings.topics == "symbol")
        self._addresses = Addresses(self.topics)
        self.sent = 0
        """Messages that were taken."""
        self.refused = 0
        """Of them, those that can never be sent."""
        self._servers = settings.require_servers()
        self._seconds = settings.timeout
        self._lock = RLock()
        self._again: deque[Unsent] = deque()
        self._on_trial = False
        self._refusal: KafkaError | None = None
        """Why the broker last refused a message that is not to blame."""
        self._admin = TopicAdmin(settings, conf)
        self._queue = Queue(settings, conf, self._failed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; after an error at once, without waiting for what is under way."""
        if error is None:
            self.close()
        else:
            self._end()

    @property
    def waiting(self) -> int:
        """Messages that are taken and not acknowledged."""
        return len(self._queue) + len(self._again)

    def send(self, messages: Sequence[Message]) -> None:
        """See `Sink`; waits KAFKA_TIMEOUT seconds at most. A message that can never be sent is refused and counted."""
        with self._lock:
            until = time.monotonic() + self._seconds
            self._send_again(until)
            topics = [self._address(message) for message in messages]
            self._ensure({topic for topic in topics if topic}, until)
            for first in range(0, len(messages) or 1, _BETWEEN_POLLS):  # without any, too, `waiting` is as of now then
                part = slice(first, first + _BETWEEN_POLLS)
                self._produce_all(topics[part], messages[part], until)
                self._queue.poll(0)

    def flush(self, seconds: float) -> None:
        """See `Sink`. What is refused counts as dealt with: look at `refused`."""
        with self._lock:
            self._flush(time.monotonic() + seconds)

    def close(self) -> None:
        """See `Sink`; waits KAFKA_TIMEOUT seconds at most."""
        with self._lock:
            if not self._queue.is_open:
                return
            try:
                self._flush(time.monotonic() + self._seconds)
            finally:
                self._end()

    def _end(self) -> None:
        self._queue.let_go()
        self._admin.close()

    def _flush(self, until: float) -> None:
        while True:
            self._send_again(until)
            self._queue.settle(min(until, time.monotonic() + 1.0))
            self._raise_refusal()
            if not self.waiting:
                self._queue.heard = None
                return
            if time.monotonic() >= until:
                raise self._away(f"has not acknowledged {self.waiting} messages")

    def _address(self, message: Message) -> str | None:
        try:
            return self._addresses.of(message)
        except CheckFailed as error:
            self._refuse(message.symbol, encode(message), str(error))
            return None

    def _ensure(self, topics: set[str], until: float) -> None:
        """See that topics are there; a broker that is away is waited for, one that knows no such user is not."""
        for attempt in count():
            try:
                self._admin.ensure(topics, max(0.1, min(until - time.monotonic(), 0.5 * 2**attempt, _ANSWER)))
            except SinkUnavailable:
                self._queue.poll(0.1)
                if time.monotonic() >= until:
                    raise
            else:
                return

    def _produce_all(self, topics: Sequence[str | None], messages: Sequence[Message], until: float) -> None:
        """Put messages into the buffer; whatever is not as usual is left to `_produce`."""
        put, unusual = self._queue.put, (BufferError, library().KafkaException)
        for topic, message in zip(topics, messages, strict=True):
            if topic is None:
                continue
            key, value = message.symbol.encode(), encode(message)
            try:
                put(topic, value, key)
            except unusual:
                self._produce(topic, key, value, until)
                put = self._queue.put
            self.sent += 1

    def _produce(self, topic: str, key: bytes, value: bytes, until: float) -> None:
        """Put one into the buffer; waits for room."""
        while True:
            try:
                self._queue.put(topic, value, key)
            except BufferError:
                if time.monotonic() >= until:
                    raise self._away("is behind, and the buffer is full") from None
                self._queue.poll(0.05)
                self._raise_refusal()
            except library().KafkaException as error:
                if error.args[0].name() in _NO_TOPIC and time.monotonic() < until:
                    self._look_again(topic, until)
                    continue
                self._not_taken(error.args[0], Unsent(topic, key, value, alone=False))
                return
            else:
                return

    def _look_again(self, topic: str, until: float) -> None:
        """A topic was removed: see that it is there, and that the library knows."""
        self._admin.forget()
        self._ensure({topic}, until)
        self._queue.look_at(topic, _ANSWER)
        self._queue.poll(0.1)

    def _not_taken(self, error: KafkaError, unsent: Unsent) -> None:
        """The library itself refuses a message, or all of them since an error that it calls fatal."""
        if error.name() in _NEVER:
            self._refuse(unsent.key.decode(), unsent.value, error.str())
        elif error.fatal() or error.name() == "_FATAL":
            self._again.append(unsent)
            self._queue.renew(error)
        else:
            raise translated(error, f"was sent a message for {unsent.topic}", self._servers)

    def _send_again(self, until: float) -> None:
        """Send what was given back, before anything else and in its order."""
        self._raise_refusal()
        while self._again:
            unsent = self._again[0]
            self._ensure({unsent.topic}, until)
            if unsent.alone:
                self._try_alone(unsent, until)
            else:
                self._produce(unsent.topic, unsent.key, unsent.value, until)
            self._again.popleft()

    def _try_alone(self, unsent: Unsent, until: float) -> None:
        """Send one while nothing else is under way: if it is too large now, it is so itself."""
        self._drain(until)
        self._on_trial = True
        try:
            self._produce(unsent.topic, unsent.key, unsent.value, until)
            self._drain(until)
        finally:
            self._on_trial = False

    def _drain(self, until: float) -> None:
        self._queue.settle(until)
        if len(self._queue):
            raise self._away(f"has not acknowledged {self.waiting} messages")

    def _failed(self, error: KafkaError, report: Report) -> None:
        """A message is given back."""
        key, value, never = report.key() or b"", report.value() or b"", error.name() in _NEVER
        if never and self._on_trial:
            self._refuse(key.decode(), value, error.str())
            return
        self._again.append(Unsent(report.topic() or "", key, value, alone=never))
        if error.name() in _NO_TOPIC:
            self._admin.forget()
        elif not never:
            self._refusal = error

    def _raise_refusal(self) -> None:
        """What the broker said when it refused messages that another attempt may help, once somebody acted."""
        error, self._refusal = self._refusal, None
        if error and isinstance(why := translated(error, "was sent messages", self._servers), SinkRefused):
            raise why

    def _refuse(self, symbol: str, value: bytes, why: str) -> None:
        self.refused += 1
        log.error(
            "message_refused", symbol=symbol, bytes=len(value), begins=value[:120].decode(errors="replace"), why=why
        )

    def _away(self, what: str) -> SinkUnavailable:
        why = f": {self._queue.heard.str()}" if self._queue.heard else ""
        return SinkUnavailable(
            f"Kafka at {self._servers} {what}{why}",
            remedy="See that Kafka runs and keeps up. What was taken is kept, and sent when it answers.",
        )
