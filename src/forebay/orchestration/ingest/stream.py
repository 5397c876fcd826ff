"""The last phase: the hand-over to live data, which this version does not have yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from forebay.errors import UnknownSymbol
from forebay.model.registry import SymbolRegistry
from forebay.orchestration.ingest.phases import Came
from forebay.symbols.registry import Registry

STREAM_WAITS = "comes with live data"
"""What a symbol's metadata say under `stream`."""


@dataclass(frozen=True, slots=True)
class AwaitLive:
    """Says in a symbol's metadata that its stream waits, once; that is no failure."""

    registry: Registry

    def __call__(self, entries: Sequence[SymbolRegistry]) -> Mapping[str, Came]:
        """Say so of each. Raises LedgerError."""
        for entry in entries:
            if entry.metadata.get("stream") != STREAM_WAITS:
                self._say(entry.symbol)
        return {entry.symbol: Came(done=False, note=f"stream: {STREAM_WAITS}") for entry in entries}

    def _say(self, symbol: str) -> None:
        entry = self.registry.get(symbol)  # its metadata may have been changed since it was claimed
        with suppress(UnknownSymbol):  # deleted at this moment
            if entry:
                self.registry.describe(symbol, metadata={**entry.metadata, "stream": STREAM_WAITS})
