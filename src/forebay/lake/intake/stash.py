"""Checked rows on their way to a table: in memory while they are few, else in one file in staging."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import polars as pl

from forebay.lake.format.parquet import ROW_GROUP_ROWS, RowWriter, no_rows
from forebay.lake.home.staging import Staging, storage_errors
from forebay.model.catalogue import Dataset

Facts = Callable[[int], Mapping[str, str]]
"""What the footer of a file with so many rows says, by key."""
MOST_HELD = ROW_GROUP_ROWS
"""Rows kept in memory, as many as the writer of a file keeps: a page by REST is 50,000 and is never written twice."""


class Stash:
    """Rows in the stored columns. Raises StoreError when the disk is full.

    `facts` says of a number of rows what goes into the footer of a file that holds them.
    """

    def __init__(self, staging: Staging, dataset: Dataset, facts: Facts | None = None) -> None:
        self.rows = 0
        self._facts = facts
        self._staging, self._dataset = staging, dataset
        self._held: list[pl.DataFrame] = []
        self._file: Path | None = None
        self._writer: RowWriter | None = None

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows, in any column order."""
        self.rows += rows.height
        if self._writer is None and self.rows <= MOST_HELD:
            self._held.append(rows.select(no_rows(self._dataset).columns))
        else:
            self._open().write(rows)

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._writer is not None:
            with storage_errors(self._staging.folder):
                if self._facts:
                    self._writer.note(self._facts(self.rows))
                self._writer.close()
            self._writer = None

    def table(self) -> pl.DataFrame:
        """All rows, in memory."""
        return self.scan().collect() if self._file else pl.concat(self._held or [no_rows(self._dataset)])

    def scan(self) -> pl.LazyFrame:
        """All rows, to be read."""
        return pl.scan_parquet(self._file) if self._file else self.table().lazy()

    @property
    def file(self) -> Path:
        """The file with the rows; written now if they were in memory."""
        if self._file is None:
            self._open()
            self.close()
        assert self._file is not None
        return self._file

    def discard(self) -> None:
        """Let go of the rows, and of the file if it is still there."""
        self._held.clear()
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        if self._file is not None:
            with storage_errors(self._staging.folder):
                self._file.unlink(missing_ok=True)

    def _open(self) -> RowWriter:
        if self._writer is None:
            self._file = self._staging.new_file()
            with storage_errors(self._staging.folder):
                self._writer = RowWriter(self._file, self._dataset)
                for rows in self._held:
                    self._writer.write(rows)
            self._held.clear()
        return self._writer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()
