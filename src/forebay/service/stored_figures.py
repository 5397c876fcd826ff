"""Figures of storage: the lake's files, the quarantine, and room on the disks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

from forebay.app.rooms import rooms

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.lake.reading.reader import Lake


def lake_figures(lake: Lake) -> Iterator[Metric]:
    """The files of each table at its newest version. Raises LakeError, StoreError, UsageError for no address."""
    files, sizes, rows, versions = (
        GaugeMetricFamily(f"forebay_lake_{name}", about, labels=["table"])
        for name, about in (
            ("files", "Files of the newest version; compaction makes few of many."),
            ("bytes", "Of those files."),
            ("rows", "In them."),
            ("version", "Commits since the table was made."),
        )
    )
    for table in lake.tables():
        held = lake.size(table)
        files.add_metric([table], held.files)
        sizes.add_metric([table], held.bytes)
        rows.add_metric([table], held.rows)
        versions.add_metric([table], held.version)
    yield from (files, sizes, rows, versions)


def home_figures(app: App) -> Iterator[Metric]:
    """The quarantine, and room on the disks of FOREBAY_HOME and of a lake in a folder. Raises OSError."""
    open_notes = Counter(note.table for note in app.quarantine.list())
    quarantined = GaugeMetricFamily("forebay_quarantined", "Things in quarantine that nobody ended.", labels=["table"])
    for table, count in open_notes.items():
        quarantined.add_metric([table], count)
    yield quarantined
    size = GaugeMetricFamily("forebay_disk_bytes", "Of the disk that a place is on.", labels=["place"])
    free = GaugeMetricFamily("forebay_disk_free_bytes", "Of it, for whoever runs the service.", labels=["place"])
    for place, room in rooms(app.settings).items():
        size.add_metric([place], room.total)
        free.add_metric([place], room.free)
    yield from (size, free)
