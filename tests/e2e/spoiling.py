"""A simulated vendor that publishes wrong files where a test says so."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import polars as pl
from homes import published

from forebay import Sandbox
from forebay.model.catalogue import Column, Dataset

_LONG_BEFORE = timedelta(days=45)


@dataclass(frozen=True)
class Vendor:
    """Each test that has a file spoiled has session dates of its own."""

    sandbox: Sandbox
    folder: Path

    def spoil(self, dataset: Dataset, day: date, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Publish a day's file as `change` makes it, from the table of the file as it should be."""
        texts = {name: pl.String for name, kind in dataset.columns.items() if kind is Column.TEXT}
        rows = pl.read_csv(gzip.decompress(published(self.sandbox, dataset.key(day))), schema_overrides=texts)
        buffer = BytesIO()
        change(rows).write_csv(buffer)
        self.publish(dataset, day, gzip.compress(buffer.getvalue()))

    def mend(self, dataset: Dataset, day: date) -> None:
        """Publish a day's file anew, as it should be."""
        self.spoil(dataset, day, lambda rows: rows)

    def publish(self, dataset: Dataset, day: date, body: bytes) -> None:
        """Publish any bytes as a day's file."""
        _put(self.folder, dataset, day, body)

    def truth(self, day: date, kind: str = "bars_1m") -> pl.DataFrame:
        """The bars of stocks as they should be, by ticker and time."""
        return self.sandbox.market.bars("stocks", kind, day, day).sort("ticker", "window_start")


@contextmanager
def a_vendor(folder: Path, dataset: Dataset, start: date, end: date, tickers: int) -> Iterator[Vendor]:
    """A vendor whose files of `folder` take the place of its own; files of `dataset` are listed from long before."""
    _put(folder, dataset, start - _LONG_BEFORE, b"")
    with Sandbox(start=start, end=end, tickers=tickers, extra_files=folder) as running:
        yield Vendor(running, folder)


def _put(folder: Path, dataset: Dataset, day: date, body: bytes) -> None:
    path = folder / dataset.key(day)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
