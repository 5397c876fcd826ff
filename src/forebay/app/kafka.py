"""What is sent to Kafka from what is held: by which sink, and which task does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from forebay.model.instrument import AssetClass
from forebay.model.kafka import KafkaPlace, kafka_place
from forebay.model.snapshot import Judged
from forebay.model.task import Lease, Outcome, Step
from forebay.settings.servers import KafkaSettings

if TYPE_CHECKING:
    from forebay.orchestration.worker import Handler
    from forebay.sinks.kafka.sink import KafkaSink


def by_destination(to_archive: Handler, to_kafka: Handler) -> Handler:
    """The handler of tasks that publish: each goes to the one whose destination it names."""

    def publish(lease: Lease, step: Step) -> Outcome:
        handle = to_kafka if kafka_place(lease.task.draft.destination) else to_archive
        return handle(lease, step)

    return publish


def open_sink(settings: KafkaSettings) -> Callable[[KafkaPlace], KafkaSink]:
    """Opens a sink for a place, with the rights and limits of the settings. Each call makes another."""
    from forebay.sinks.kafka.sink import KafkaSink

    return lambda place: KafkaSink(
        settings.model_copy(update={"bootstrap_servers": place.servers, "prefix": place.prefix})
    )


def snapshot_sender(settings: KafkaSettings) -> Callable[[AssetClass, Sequence[Judged]], None] | None:
    """Sends snapshots and returns when Kafka has acknowledged them; None where no Kafka is set. It raises SinkError."""
    if not settings.bootstrap_servers:
        return None
    from forebay.lake.snapshots.shape import rows_of
    from forebay.sinks.kafka.sink import KafkaSink
    from forebay.tasks.messages import snapshot_messages

    def send(asset_class: AssetClass, judged: Sequence[Judged]) -> None:
        with KafkaSink(settings) as sink:
            sink.send(list(snapshot_messages(rows_of(judged), asset_class)))
            sink.flush(settings.timeout)

    return send
