"""The consumer, wired."""

from __future__ import annotations

from random import Random

from forebay.clock import Clock
from forebay.orchestration.consume.consumer import Consumer
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
