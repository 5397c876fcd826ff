"""The objects of a csv.lzo archive: stored with their tags, and only where they are not there already."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import takewhile
from pathlib import Path

from forebay.failpoints import reach
from forebay.sinks.csv_lzo.packing import Packed, packed
from forebay.sinks.csv_lzo.series import Series
from forebay.sinks.csv_lzo.windows import Slice
from forebay.stores.labels import as_metadata
from forebay.stores.store import Store, Stored
from forebay.stores.tagging import Tagging

_AT_ONCE = 4
"""Objects that are packed and sent at the same time."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One object that is there now."""

    key: str
    day: date
    rows: int
    size: int
    sha256: str
    """Of the object, hex."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The archive's objects. Safe to use from several threads."""

    store: Store
    tagging: Callable[[], Tagging]
    """Asks the store, once, whether it takes tags; metadata say the same everywhere."""
    folder: Path
    """Where a large object is kept while it is packed."""

    def send(self, series: Series, parts: Sequence[Slice]) -> list[Sent]:
        """Store these slices, which come by time; one without a bar makes no object. Raises StoreError."""
        found = self._there(series, parts)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="csv_lzo") as pool:
            sent = list(pool.map(lambda part: self._send(series, part, found), parts))
        return [each for each in sent if each.rows]

    def remove(self, keys: Iterable[str]) -> None:
        """Take objects out of sight. Raises StoreError."""
        for key in keys:
            self.store.hide(key)

    def give_up(self, series: Series) -> None:
        """End what a process that was killed had begun to send of this series. Raises StoreError."""
        for upload in self.store.uploads(series.folder):
            self.store.abort(upload)

    def _there(self, series: Series, parts: Sequence[Slice]) -> dict[str, Stored]:
        """What the store has from the first of these keys to the last, by key: a request for a thousand."""
        if not parts:
            return {}
        first, last = series.key(parts[0].start), series.key(parts[-1].start)
        listed = self.store.list(series.folder, after=first[:-1])
        return {stored.key: stored for stored in takewhile(lambda stored: stored.key <= last, listed)}

    def _send(self, series: Series, part: Slice, found: Mapping[str, Stored]) -> Sent:
        key = series.key(part.start)
        with packed(part, series.file_name(part.start), self.folder) as made:
            reach("csv_lzo.packed")
            labels = series.tags(part.day)
            if made.rows and not self._same(found.get(key), made, labels):
                tags = labels if self.tagging().sent else None
                self.store.put_stream(key, made.chunks(), made.size, as_metadata(labels), tags)
                reach("csv_lzo.sent")
            return Sent(key, part.day, made.rows, made.size, made.sha256)

    def _same(self, stored: Stored | None, made: Packed, labels: Mapping[str, str]) -> bool:
        """Whether an object has these bytes and labels; read where the store's own mark is no MD5 of the bytes."""
        if stored is None or stored.size != made.size:
            return False
        if stored.etag != made.md5 and self._digest(stored) != made.sha256:
            return False
        if not self.store.carries_metadata:
            return True
        there = self.store.head(stored.key)
        return there is not None and as_metadata(labels).items() <= there.metadata.items()

    def _digest(self, stored: Stored) -> str:
        whole = hashlib.sha256()
        with self.store.open(stored) as stream:
            for chunk in stream:
                whole.update(chunk)
        return whole.hexdigest()
