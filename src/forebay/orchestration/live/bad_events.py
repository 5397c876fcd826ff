"""Events that are not of their form, on their way to quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from zoneinfo import ZoneInfo

import polars as pl

from forebay.clock import Clock
from forebay.lake.intake.quarantine import Quarantine
from forebay.model.catalogue import BAR_DATASETS, Kind
from forebay.model.intervals import Interval
from forebay.model.live import Cluster
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.rows import bad_schema
from forebay.vendor.stream.decode import BadEvent

MOST = 10_000
"""Kept of one process; a vendor that sends nothing else must not fill the disk. All are counted."""
_HELD = 1_000


class BadEvents:
    """Kept together: a note and a file for each `write`. Usable from several threads."""

    def __init__(self, cluster: Cluster, quarantine: Quarantine, clock: Clock) -> None:
        self._cluster, self._quarantine, self._clock = cluster, quarantine, clock
        self._held: list[BadEvent] = []
        self._kept = 0
        self._lock, self._writing = Lock(), Lock()

    def add(self, events: Sequence[BadEvent]) -> None:
        """Hold these, as far as there is room."""
        with self._lock:
            room = min(_HELD - len(self._held), MOST - self._kept - len(self._held))
            self._held += events[: max(room, 0)]

    def write(self) -> None:
        """Put what is held into quarantine. Raises StoreError, and holds it still."""
        with self._writing:
            events = self._held[:]
            if events:
                self._keep(events)
            with self._lock:
                self._kept += len(events)
                del self._held[: len(events)]

    def _keep(self, events: Sequence[BadEvent]) -> None:
        dataset, now = BAR_DATASETS[f"{self._cluster.asset_class}/{Kind.BARS_1M}"], self._clock.now()
        day = now.astimezone(ZoneInfo(dataset.timezone)).date()
        rows = pl.DataFrame(
            [
                {"session_date": day, "source": Source.STREAM, "reason": each.reason, "text": each.text}
                for each in events
            ],
            schema=bad_schema(dataset),
        )
        self._quarantine.keep(
            Partition(dataset.table, ALL_SYMBOLS, Interval(day, day)),
            key=f"stream/{self._cluster}/events/{now.isoformat()}",
            reason=f"{len(events)} events of the stream are not of their form: {events[0].reason}",
            now=now,
            rows=rows,
        )
