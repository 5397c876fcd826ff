"""What is sent on from what is held: by which sink, and which part of the program does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from forebay.model.instrument import AssetClass
from forebay.model.sink_place import KAFKA, SinkPlace
from forebay.model.snapshot import Judged
from forebay.settings import Settings
from forebay.settings.servers import KafkaSettings

if TYPE_CHECKING:
    from forebay.tasks.send import OpenedSink


def open_sink(settings: Settings, place: SinkPlace) -> OpenedSink:
    """Another sink for a place, with the rights and limits of the settings. Raises UsageError."""
    if place.sink == KAFKA:
        from forebay.sinks.kafka.sink import KafkaSink

        named = {"bootstrap_servers": place.servers, "prefix": place.name}
        return KafkaSink(settings.kafka.model_copy(update=named))
    from forebay.sinks.timescale.sink import TimescaleSink
    from forebay.sinks.timescale.store import Store

    host, _, port = place.servers.rpartition(":")
    there = {"host": host, "port": int(port), "database": place.name}
    return TimescaleSink(Store(settings.timescale.model_copy(update=there)))


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
