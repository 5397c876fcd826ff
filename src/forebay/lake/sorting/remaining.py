"""What stays of files when some of their rows go, and which deliveries they said to hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow.parquet as pq

from forebay.lake.format.deliveries import Delivery, day_delivery, read_facts
from forebay.lake.format.layout import is_compacted, parse_name
from forebay.lake.home.home import Home, scan
from forebay.lake.sorting.merging import Merge
from forebay.lake.sorting.ordering import by_ticker_range
from forebay.lake.sorting.runs import Run, readable
from forebay.model.catalogue import Dataset
from forebay.model.partition import Source
from forebay.model.rows import row_schema, time_column


@dataclass(frozen=True, slots=True)
class Remaining:
    """The rows of some files of a table that `where` selects."""

    home: Home
    """Of the table."""
    dataset: Dataset
    paths: Sequence[str]
    where: pl.Expr

    def tables(self) -> Iterator[pl.DataFrame]:
        """Those rows, as they stand in a file. Ours are sorted, those of another program may be anything."""
        if all(parse_name(path) for path in self.paths):
            runs = [Run(self.home, path, self.dataset, self.where) for path in sorted(self.paths)]
            yield from Merge(runs, compacted=is_compacted(self.paths[0]))
        else:
            rows = scan(self.home, self.paths).filter(self.where).select(row_schema(self.dataset).names())
            yield from by_ticker_range(rows, time_column(self.dataset))

    def deliveries(self) -> list[Delivery]:
        """What the files' footers say."""
        return deliveries_of(self.home, self.paths)


def deliveries_of(home: Home, paths: Iterable[str]) -> list[Delivery]:
    """The deliveries that files hold, by their footers. A day's file of an earlier Forebay is one, of some revision."""
    found: list[Delivery] = []
    for path in paths:
        with readable(home, path), home.open(path) as file:
            footer = pq.ParquetFile(file).metadata
        noted, name = read_facts(footer.metadata, path), parse_name(path)
        if noted is None and name and name.source is Source.FLATFILE and not name.compacted:
            noted = [day_delivery(name.dates.start, None, footer.num_rows)]
        found += noted or []
    return found
