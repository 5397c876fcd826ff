"""The consumer, wired."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from random import Random

from forebay.app.wired import new_worker_id
from forebay.clock import Clock
from forebay.ledger import Ledger
from forebay.ledger.consumers import Consumers
from forebay.orchestration.consume.consumer import Consumer
from forebay.orchestration.consume.telling import telling
from forebay.settings import Settings
from forebay.sinks.kafka.codec import decode
from forebay.sinks.kafka.letters import DeadLetters
from forebay.sinks.kafka.reader import Reader
from forebay.sinks.timescale.store import Store


def open_consumer(settings: Settings, clock: Clock, *, once: bool = False) -> Consumer:
    """A consumer of the settings' topics. With `once` it takes every partition, and joins no group.

    Raises UsageError where no Kafka is named, or a library is not installed.
    """
    own = settings.consume
    return Consumer(
        reader=Reader(settings.kafka, own.name, alone=once),
        store=Store(settings.timescale, own.name),
        letters=DeadLetters(settings.kafka),
        decode=decode,
        settings=own,
        clock=clock,
        random=Random(),
        once=once,
    )


def told(consumer: Consumer, settings: Settings, clock: Clock) -> AbstractContextManager[None]:
    """While inside, the consumer's figures are in the ledger, for monitors; it consumes without a ledger, too."""

    @contextmanager
    def book() -> Iterator[Consumers]:
        with Ledger.open(settings.ledger.url.get_secret_value(), clock) as ledger:
            yield Consumers(ledger.database, clock)

    return telling(consumer.figures, book, new_worker_id(), settings.consume.name, clock.now())
