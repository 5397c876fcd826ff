"""The files of a table, one by one: there, whole, as the log has them, sorted, every row where readers look for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from forebay.errors import LakeError, StoreError, StoreUnavailable
from forebay.lake.format.layout import FileName, parse_name
from forebay.lake.format.parquet import ROW_GROUP_ROWS
from forebay.lake.home.home import Home
from forebay.lake.home.moving import mark_from
from forebay.lake.intake.quality import check_rows
from forebay.lake.log import delta
from forebay.lake.log.entries import exists
from forebay.lake.sorting.remaining import deliveries_of
from forebay.lake.verification.order import Order
from forebay.lake.verification.scores import Check
from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.model.rows import plain_schema

UNREADABLE = (pa.ArrowException, pl.exceptions.PolarsError, OSError, ValueError)
"""What reading a damaged file ends in."""


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file of a table's newest version, as the log has it."""

    home: Home
    """Of its table."""
    path: str
    rows: int
    size: int
    """Bytes."""
    name: FileName | None
    """None for a file of another program."""
    dates: Interval
    """Its first and last session date; all of time where neither name nor log say."""
    tickers: tuple[str, str] | None
    """Its first and last ticker, in byte order."""

    def holds(self, day: date) -> bool:
        """Whether it may have rows of a session date."""
        return day in self.dates and (self.name is None or self.name.holds(day))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file, on some of its session dates."""

    check: Check
    text: str
    days: tuple[date, ...] = ()
    """Those that it is about; none: every one of the file's."""


@dataclass
class Looked:
    """What reading a file showed."""

    file: HeldFile
    faults: list[Fault] = field(default_factory=list)

    @property
    def damaged(self) -> bool:
        """Whether its rows cannot be had, or are not those that were committed."""
        return any(fault.check is Check.DAMAGED for fault in self.faults)

    @property
    def to_be_replaced(self) -> bool:
        """Whether loading its sessions again is what helps; rows of another program come from nowhere else."""
        return self.damaged or (bool(self.faults) and self.file.name is not None)


def held_files(lake: Home, table: str) -> list[HeldFile]:
    """The files of a table's newest version, in the order of their dates; none where there is no table.

    Raises LakeError, NewerVersion.
    """
    home = lake.table(table)
    if not exists(home):
        return []
    added = pl.DataFrame(delta.open_table(home).get_add_actions(flatten=True))
    found = [_held(home, row) for row in added.iter_rows(named=True)]
    return sorted(found, key=lambda file: (file.dates.start, file.path))


def look_into(file: HeldFile, dataset: Dataset, take: Callable[[pl.DataFrame], None], *, deep: bool) -> Looked:
    """Read a file once, block by block, and hand every block of rows to `take`.

    Reads the columns that checks across tables need; with `deep` all of them, each row held to the rules of today.
    Checksums of pages are compared where a file has them. Raises StoreUnavailable when the place does not answer.
    """
    looked = Looked(file)
    held = file.home.look(file.path)
    if held is None or held.size != file.size:
        size = f"{held.size:,} bytes instead of {file.size:,}" if held else "not there"
        looked.faults.append(Fault(Check.DAMAGED, f"{file.path} is {size}"))
        return looked
    order = Order(dataset, file.name)
    try:
        for rows in blocks_of(file, dataset, deep=deep):
            order.take(rows)
            take(rows)
            if deep:
                looked.faults += _rules(file, rows, dataset)
        if deep and not _is_its_mark(file):
            looked.faults.append(Fault(Check.DAMAGED, f"{file.path} is not, byte for byte, what its name says"))
    except StoreUnavailable:
        raise
    except (*UNREADABLE, LakeError, StoreError) as error:
        looked.faults.append(Fault(Check.DAMAGED, f"{file.path} cannot be read: {_one_line(error)}"))
        return looked
    looked.faults += _verdicts(file, order)
    return looked


def blocks_of(file: HeldFile, dataset: Dataset, *, deep: bool) -> Iterator[pl.DataFrame]:
    """A file's rows in its order, a row group's worth at a time; with `deep` all columns of `plain_schema`.

    Raises one of UNREADABLE for a damaged file, StoreError.
    """
    wanted = plain_schema(dataset)
    with file.home.open(file.path) as handle, pq.ParquetFile(handle, page_checksum_verification=True) as parquet:
        if parquet.metadata.num_rows != file.rows:
            raise ValueError(f"it has {parquet.metadata.num_rows:,} rows instead of {file.rows:,}")
        there = parquet.schema_arrow.names
        if missing := [name for name in wanted if name not in there]:
            raise ValueError(f"it lacks the column {missing[0]}")
        columns = [name for name in wanted if deep or name in _NEEDED]
        for batch in parquet.iter_batches(ROW_GROUP_ROWS, columns=columns):
            batch.validate(full=True)  # Polars panics at text that is none, be it in the footer
            rows = pl.DataFrame(pl.from_arrow(batch.replace_schema_metadata(None)))
            yield rows.select(pl.col(name).cast(wanted[name]) for name in columns)


_NEEDED = frozenset(
    (
        *("ticker", "session_date", "source", "volume", "transactions", "open", "high", "low", "close"),
        *("window_start", "sip_timestamp", "participant_timestamp", "timestamp"),
    )
)
"""Columns that checks across tables and of the order look at."""


def _is_its_mark(file: HeldFile) -> bool:
    """Whether a day's flat file, as it was delivered, has the bytes that its name was made of. Others cannot tell."""
    name, brought = file.name, deliveries_of(file.home, [file.path])
    if name is None or name.compacted or name.source is not Source.FLATFILE or len(brought) != 1:
        return True
    revision = brought[0].revision
    if brought[0].held != file.rows:
        return False
    if revision is None:
        return True
    with file.home.open(file.path) as handle:
        return mark_from(f"{revision.etag}|{revision.size}", handle) == name.mark


def _rules(file: HeldFile, rows: pl.DataFrame, dataset: Dataset) -> list[Fault]:
    """Rows that would not be let in today."""
    bad = check_rows(rows, dataset).bad
    faults = []
    for reason, found in bad.group_by("reason", maintain_order=True):
        days = tuple(sorted(found["session_date"].drop_nulls().unique()))
        text = f"{found.height:,} rows of {file.path} fail the check {reason[0]!r}: {found['ticker'][0]}"
        faults.append(Fault(Check.BAD_ROWS, text, days))
    return faults


def _verdicts(file: HeldFile, order: Order) -> Iterator[Fault]:
    if order.rows != file.rows:
        yield Fault(Check.DAMAGED, f"{file.path} gave {order.rows:,} rows instead of {file.rows:,}")
    for what, days in order.found():
        yield Fault(Check.DISORDER, f"{file.path} {what}", tuple(days))
    if (
        file.tickers
        and order.tickers
        and not (file.tickers[0] <= order.tickers[0] and order.tickers[1] <= file.tickers[1])
    ):
        told, seen = (" to ".join(bounds) for bounds in (file.tickers, order.tickers))
        yield Fault(Check.DISORDER, f"{file.path} has tickers from {seen}; the log says {told}, so readers skip some")


def _held(home: Home, row: dict[str, object]) -> HeldFile:
    path = str(row["path"])
    name = parse_name(path)
    first, last = row.get("min.session_date"), row.get("max.session_date")
    logged = Interval(first, last) if isinstance(first, date) and isinstance(last, date) else None
    named = name.dates if name else Interval(date.min, date.max)
    low, high = row.get("min.ticker"), row.get("max.ticker")
    tickers = (str(low), str(high)) if low is not None and high is not None else None
    if name and name.symbol != ALL_SYMBOLS:
        tickers = (name.symbol, name.symbol)
    return HeldFile(
        home=home,
        path=path,
        rows=int(str(row["num_records"] or 0)),
        size=int(str(row["size_bytes"])),
        name=name,
        dates=logged or named,
        tickers=tickers,
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
