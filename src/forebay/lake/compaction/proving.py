"""New files read back from disk, while the next are being written."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from forebay.lake.home.folder import FolderHome
from forebay.lake.home.home import scan
from forebay.lake.sorting.cutting import Written
from forebay.lake.sorting.runs import readable
from forebay.lake.sorting.sums import Sums, sums_of
from forebay.stores.disk import sync

_READ_ROWS = 1 << 16
"""Rows summed up at a time, about."""


class Proving:
    """Files in staging: on disk and summed up when the `with` ends. Raises LakeError for one that cannot be read."""

    def __init__(self) -> None:
        self.written: list[Written] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prove")
        self._sums: list[Future[Sums]] = []

    @property
    def found(self) -> Sums:
        """What all files add up to."""
        return sum((each.result() for each in self._sums), Sums())

    def add(self, written: Written) -> None:
        """A file that is whole."""
        self.written.append(written)
        self._sums.append(self._pool.submit(_read_back, written))

    def discard(self) -> None:
        """Remove those that are still in staging."""
        for each in self.written:
            each.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)
        if kind is None:
            _ = self.found


def _read_back(written: Written) -> Sums:
    """What a file's rows add up to, by what is on disk."""
    sync(written.path)
    home, name, found = FolderHome(written.path.parent), written.path.name, Sums()
    with readable(home, name):
        for rows in scan(home, [name]).collect_batches(chunk_size=_READ_ROWS):
            found += sums_of(rows)
    return found
