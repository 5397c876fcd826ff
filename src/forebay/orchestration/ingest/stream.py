"""The last phase: the hand-over to live data, which a process with the stream's connection brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from forebay.errors import UnknownSymbol
from forebay.ledger.streams import Streams
from forebay.model.live import StreamHealth
from forebay.model.registry import SymbolRegistry
from forebay.orchestration.ingest.phases import Came
from forebay.orchestration.live.subscribing import brings, cluster_of
from forebay.symbols.registry import Registry

STREAMS = "streaming"
"""What a symbol's metadata say under `stream` while a process brings its live data."""
STREAM_WAITS = "waits for a process that streams it: forebay stream, or forebay ingest --daemon"
NO_STREAM = "the vendor's stream has no such symbols"


@dataclass(frozen=True, slots=True)
class HandOver:
    """Looks whether a stream brings a symbol, and says so in its metadata, once. That none does is no failure."""

    registry: Registry
    streams: Streams

    def __call__(self, entries: Sequence[SymbolRegistry]) -> Mapping[str, Came]:
        """What there is to say of each. Raises LedgerError."""
        running = self.streams.look()
        return {entry.symbol: self._came(entry, running) for entry in entries}

    def _came(self, entry: SymbolRegistry, running: Sequence[StreamHealth]) -> Came:
        said = stream_word(entry.symbol, running)
        if entry.metadata.get("stream") != said:
            self._say(entry.symbol, said)
        return Came(done=said == STREAMS, note=f"stream: {said}")

    def _say(self, symbol: str, said: str) -> None:
        entry = self.registry.get(symbol)  # its metadata may have been changed since it was claimed
        with suppress(UnknownSymbol):  # deleted at this moment
            if entry:
                self.registry.describe(symbol, metadata={**entry.metadata, "stream": said})


def stream_word(symbol: str, running: Sequence[StreamHealth]) -> str:
    """STREAMS, STREAM_WAITS, NO_STREAM, or what keeps the cluster's stream from bringing it."""
    if cluster_of(symbol) is None:
        return NO_STREAM
    if any(brings(health, symbol) for health in running):
        return STREAMS
    mine = next((health for health in running if health.cluster is cluster_of(symbol) and health.error), None)
    return f"waits: {mine.error}" if mine else STREAM_WAITS
