"""The user's own files, laid out as vendor keys in a folder, as objects of the bucket."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from pathlib import Path
from time import monotonic

from forebay.errors import UsageError
from forebay.model.catalogue import DATASETS, Dataset
from forebay.sandbox.cache import BoundedCache
from forebay.sandbox.content import FilePart
from forebay.sandbox.stored import Stored

_HASHED_BYTES = 16 * 1024 * 1024
"""Up to this size an ETag is the MD5 of the content, as of an object put in one piece."""
_KEPT_ETAGS = 100_000
_LOOK_AGAIN = 1.0
"""Seconds: a walk through ten thousand files is too long for every request."""


class OwnFiles:
    """The files below `root` whose path is a vendor key; others are left alone. None of them is held in memory.

    Raises UsageError when `root` is no folder, and when it holds no such file.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._days: dict[str, tuple[float, list[date]]] = {}
        self._etags: BoundedCache[str] = BoundedCache(_KEPT_ETAGS, lambda _: 1)
        if not root.is_dir():
            raise UsageError(f"{root} is not a folder", remedy="Name a folder of files to serve.")
        if not any(self.days(dataset) for dataset in DATASETS.values()):
            key = "us_stocks_sip/day_aggs_v1/2025/10/2025-10-03.csv.gz"
            raise UsageError(
                f"no file below {root} is named as the vendor names its files", remedy=f"Name them as {root / key}."
            )

    def days(self, dataset: Dataset) -> list[date]:
        """The session dates of a dataset that have a file, the oldest first; looked up at most once a second."""
        looked_at, days = self._days.get(dataset.name, (0.0, []))
        if monotonic() - looked_at > _LOOK_AGAIN or not looked_at:
            days = self._look(dataset)
            self._days[dataset.name] = (monotonic(), days)
        return days

    def _look(self, dataset: Dataset) -> list[date]:
        paths = (self._root / dataset.name).glob("*/*/*.csv.gz")
        found = (dataset.day_of(path.relative_to(self._root).as_posix()) for path in paths)
        return sorted(day for day in found if day)

    def find(self, dataset: Dataset, day: date, revision: int) -> Stored | None:
        """The file as an object; None when there is none. Its date is the file's; `revision` makes both marks new."""
        path = self._root / dataset.key(day)
        try:
            found = path.stat()
        except OSError:
            return None
        state = (path, found.st_size, found.st_mtime_ns, revision)
        etag = self._etags.get(state, lambda: _etag(path, found.st_size, found.st_mtime_ns, revision))
        modified = datetime.fromtimestamp(int(found.st_mtime), UTC) + timedelta(hours=revision)
        return Stored(FilePart(path, 0, found.st_size), etag, modified)


def _etag(path: Path, size: int, changed: int, revision: int) -> str:
    """Of the content where it is small; of size and time otherwise, in the form of an object put in parts."""
    if size <= _HASHED_BYTES and not revision:
        return f'"{md5(path.read_bytes(), usedforsecurity=False).hexdigest()}"'
    marks = f"{size} {changed} {revision}".encode()
    return f'"{md5(marks, usedforsecurity=False).hexdigest()}-{size // _HASHED_BYTES + 1}"'
