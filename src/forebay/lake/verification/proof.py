"""What a lake proves of itself: the deliveries that its files' footers name, without any other memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl
import pyarrow.parquet as pq

from forebay.lake.format.deliveries import Delivery, day_delivery, read_facts
from forebay.lake.format.digest import digest
from forebay.lake.format.layout import FileName, parse_name
from forebay.lake.home.home import Home, scan
from forebay.lake.home.moving import MARK_LENGTH, mark_from
from forebay.lake.log import delta
from forebay.lake.log.entries import exists
from forebay.lake.sorting.runs import readable
from forebay.model.intervals import Interval
from forebay.model.partition import Revision, Source


@dataclass(frozen=True, slots=True)
class Proof:
    """What a table holds of one delivery: in one file, or in several when it was compacted."""

    symbol: str
    dates: Interval
    source: Source
    rows: int
    last_day: date | None
    """The last session date that it has rows of; None where the log does not say."""
    committed_at: datetime
    """UTC, milliseconds: of its newest file."""
    noted: Revision | None = None
    """The revision by the footers. None for REST, and when rows of the delivery are missing."""
    fixed: frozenset[tuple[str, int]] = frozenset()
    """Known defects that were put right on the way in, each with its rows, by the footers."""
    unnoted: Unnoted | None = None
    """The file, when its footer says nothing: those that an earlier Forebay wrote."""

    def revision(self, candidates: Iterable[Revision]) -> Revision | None:
        """Which revision of the vendor's file the rows came from, one of `candidates` where one is meant.

        None when it cannot be known. Reads the file, once for each candidate, only where its footer says nothing.
        """
        if self.unnoted:
            return self.unnoted.revision(candidates)
        noted = self.noted
        alike = (each for each in candidates if noted and (each.etag, each.size) == (noted.etag, noted.size))
        return next(alike, noted)

    def is_delivery(self) -> bool:
        """Whether all rows are there as REST brought them: then its dates are what was asked."""
        return self.unnoted is None or self.unnoted.is_delivery()


@dataclass(frozen=True, slots=True)
class Unnoted:
    """A file that proves itself by the mark in its name alone."""

    home: Home
    """Of its table."""
    path: str
    """Inside the table."""
    mark: str

    def revision(self, candidates: Iterable[Revision]) -> Revision | None:
        """A day's file has a mark made of the revision and of its own bytes."""
        return next((each for each in candidates if self._mark(f"{each.etag}|{each.size}") == self.mark), None)

    def is_delivery(self) -> bool:
        """A range's file has a mark made of its rows. A digest of another version of Polars says no."""
        return digest([scan(self.home, [self.path]).collect()])[:MARK_LENGTH] == self.mark

    def _mark(self, origin: str) -> str:
        with self.home.open(self.path) as file:
            return mark_from(origin, file)


def proofs(lake: Home, table: str) -> Iterator[Proof]:
    """What a table holds, delivery by delivery; nothing where there is no table. Reads every file's footer.

    What REST brought is left out where rows of it are missing. Raises LakeError, StoreError, NewerVersion.
    """
    home = lake.table(table)
    if not exists(home):
        return
    days: defaultdict[Interval, list[_Part]] = defaultdict(list)
    ranges: defaultdict[Delivery, list[_Part]] = defaultdict(list)
    added = pl.DataFrame(delta.open_table(home).get_add_actions(flatten=True)).sort("path")
    for row in added.iter_rows(named=True):
        name, committed = parse_name(row["path"]), datetime.fromtimestamp(row["modification_time"] / 1000, UTC)
        if name is None:
            continue
        noted = _noted(home, row["path"])
        if noted is None:
            yield _of_name(home, row["path"], name, (row["num_records"], row.get("max.session_date"), committed))
            continue
        for delivery in [*noted, *_changed(name, noted, row["num_records"])]:
            part = _Part(delivery, committed)
            if delivery.source is Source.FLATFILE:
                days[delivery.dates].append(part)
            else:
                ranges[delivery.whole].append(part)
    yield from (_day(parts) for _, parts in sorted(days.items()))
    yield from (_whole(parts) for parts in ranges.values() if sum(one.delivery.held for one in parts) == _rows(parts))


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file has of a delivery."""

    delivery: Delivery
    committed_at: datetime


def _rows(parts: list[_Part]) -> int:
    return parts[0].delivery.rows


def _noted(home: Home, path: str) -> list[Delivery] | None:
    with readable(home, path), home.open(path) as file:
        return read_facts(pq.ParquetFile(file).metadata.metadata, path)


def _changed(name: FileName, noted: list[Delivery], rows: int) -> Iterator[Delivery]:
    """Days of a flat file that its footer names no longer, since some of their rows were replaced: of no revision."""
    if name.source is Source.FLATFILE:
        named = {delivery.dates.start for delivery in noted}
        for day in (day for day in name.held() if day not in named):
            yield day_delivery(day, None, 0).part(0 if name.compacted else rows)


def _of_name(home: Home, path: str, name: FileName, told: tuple[int, date | None, datetime]) -> Proof:
    rows, last_day, committed_at = told
    unnoted = Unnoted(home, path, name.mark)
    return Proof(name.symbol, name.dates, name.source, rows, last_day, committed_at, unnoted=unnoted)


def _day(parts: list[_Part]) -> Proof:
    """A flat file's day. Files whose rows a newer revision left as they were still name the one before."""
    newest = max(parts, key=lambda one: (_published(one.delivery), one.committed_at)).delivery
    held = sum(one.delivery.held for one in parts)
    committed = max(one.committed_at for one in parts)
    noted = newest.revision if held == newest.rows else None
    return Proof(newest.symbol, newest.dates, newest.source, held, newest.newest, committed, noted, newest.fixed)


def _whole(parts: list[_Part]) -> Proof:
    one = parts[0].delivery
    committed = max(part.committed_at for part in parts)
    return Proof(one.symbol, one.dates, one.source, one.rows, one.newest, committed)


def _published(delivery: Delivery) -> datetime:
    return delivery.revision.last_modified if delivery.revision else datetime.min.replace(tzinfo=UTC)
