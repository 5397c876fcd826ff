"""Bars from a day's file of trades: found in the archive or at the vendor, read once, summed up on every core."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from forebay.bars.build import BarBuilder, Sums, sum_up
from forebay.bars.conditions import Rulings
from forebay.bars.sizes import TRADES, BarSize, Hours
from forebay.bars.trades import Tally, TradeRules, judge
from forebay.errors import CheckFailed, FileNotFound, UsageError
from forebay.lake.intake import quality
from forebay.lake.intake.intake import MOST_BAD_ROWS
from forebay.lake.intake.quarantine import Quarantine
from forebay.model.calendar import published_by
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision
from forebay.tasks.origin import Origin
from forebay.vendor.gunzip import Received
from forebay.vendor.trade_rows import TradeBlock, trade_blocks

if TYPE_CHECKING:
    from forebay.vendor.flatfiles import FlatFiles

_WAITING = 2
"""Blocks that wait while each core works on one of its own."""


@dataclass
class Reading:
    """What one reading of a file came to; complete once its bars have been taken to the end."""

    key: str
    revision: Revision
    received: Received = field(default_factory=Received)
    tally: Tally = field(default_factory=Tally)
    bad: list[pl.DataFrame] = field(default_factory=list)

    def refuse_if_rotten(self) -> None:
        """Raise CheckFailed when too many rows are bad."""
        quality.Tally(self.tally.trades, self.tally.bad).refuse_if_rotten(self.key)


@dataclass(frozen=True, slots=True)
class TradeBars:
    """Reads files of `us_stocks_sip/trades_v1`, from the archive where it has them, else from the vendor."""

    origin: Origin
    listing: FlatFiles | None
    quarantine: Quarantine
    rules: TradeRules
    threads: int = field(default_factory=lambda: min(os.cpu_count() or 1, 8))

    def find(self, day: date) -> Revision:
        """The revision that will be read. Raises UsageError, FileNotFound, VendorError, StoreError."""
        key, archive = TRADES.key(day), self.origin.archive
        receipt = archive.receipt(key) if archive else None
        if receipt:
            return receipt.revision
        if self.listing is None:
            raise UsageError(
                f"the archive does not hold {key}, and there are no keys for the vendor's flat files",
                remedy="set POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY, or archive the file first",
            )
        for published in self.listing.list(TRADES, day, day):
            return published.revision
        due = published_by(day)
        late = self.origin.clock.now() >= due
        hint = "was due by {}; name another day, or try again later" if late else "is due by {}; try again then"
        raise FileNotFound(f"the vendor lists no {key}", remedy="it " + hint.format(f"{due:%Y-%m-%d %H:%M} UTC"))

    def bars(
        self, day: date, sizes: Sequence[BarSize], tickers: Collection[str] | None = None
    ) -> tuple[Reading, Iterator[tuple[pl.DataFrame, ...]]]:
        """The bars of `tickers` (None: of all), a table for each of `sizes` at a time, whole tickers in each.

        Rows that cannot be trades are left out, counted, and kept in quarantine at the end. Raises UsageError for a day
        without a session; while it is read CheckFailed for a file that is damaged, of another form, rotten, or (without
        `tickers`) not sorted by ticker, and VendorError and StoreError.
        """
        hours = Hours.on(day)
        reading = Reading(TRADES.key(day), self.find(day))
        return reading, self._guarded(day, reading, _Summing(hours, tuple(sizes), self.rules, tickers))

    def _guarded(self, day: date, reading: Reading, summing: _Summing) -> Iterator[tuple[pl.DataFrame, ...]]:
        """Keep in quarantine what was refused, the whole file or rows of it."""
        try:
            yield from self._built(day, reading, summing)
            reading.refuse_if_rotten()
        except CheckFailed as error:
            self._keep(day, reading, str(error))
            raise
        if reading.bad:
            self._keep(day, reading, f"{reading.tally.bad.total()} of {reading.tally.trades} rows cannot be trades")

    def _built(self, day: date, reading: Reading, summing: _Summing) -> Iterator[tuple[pl.DataFrame, ...]]:
        builders = [BarBuilder(size, summing.hours, gather=summing.tickers is not None) for size in summing.sizes]
        with self.origin.open(reading.key, reading.revision) as chunks:
            blocks = trade_blocks(chunks, TRADES, day, reading.received)
            for sums in self._sums(blocks, reading, summing):
                yield tuple(builder.take(each) for builder, each in zip(builders, sums, strict=True))
        yield tuple(builder.finish() for builder in builders)

    def _sums(self, blocks: Iterable[TradeBlock], reading: Reading, summing: _Summing) -> Iterator[tuple[Sums, ...]]:
        """The sums of each block, in the file's order; blocks are worked on at the same time."""
        working: deque[tuple[TradeBlock, Future[_Summed | None]]] = deque()
        with ThreadPoolExecutor(self.threads, thread_name_prefix="trades") as pool:
            for block in blocks:
                working.append((block, pool.submit(summing.of_block, block)))
                if len(working) > self.threads + _WAITING:
                    yield _counted(working.popleft(), reading, summing)
            while working:
                yield _counted(working.popleft(), reading, summing)

    def _keep(self, day: date, reading: Reading, reason: str) -> None:
        self.quarantine.keep(
            Partition(TRADES.table, ALL_SYMBOLS, Interval(day, day)),
            key=reading.key,
            reason=reason,
            now=self.origin.clock.now(),
            rows=pl.concat(reading.bad) if reading.bad else None,
            revision=reading.revision,
        )


@dataclass(frozen=True, slots=True)
class _Summed:
    """One block, summed up."""

    rows: int
    """Lines of the file, whatever they say."""
    sums: tuple[Sums, ...]
    tally: Tally
    bad: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Summing:
    """What is done with each block. Safe in threads."""

    hours: Hours
    sizes: tuple[BarSize, ...]
    rules: TradeRules
    tickers: Collection[str] | None
    rulings: Rulings = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rulings", Rulings(self.rules.unknown))

    def of_block(self, block: TradeBlock) -> _Summed | None:
        """None when some row of it does not parse."""
        table = block.table()
        return None if table is None else self.of_table(table)

    def of_table(self, table: pl.DataFrame) -> _Summed:
        """The sums of trades in TRADE_ROWS columns."""
        rows = table.height
        if self.tickers is not None:
            table = table.filter(pl.col("ticker").is_in(sorted(self.tickers)))
        judged = judge(table, self.hours, self.rules, self.rulings)
        sums = tuple(sum_up(judged.prints, size, self.hours) for size in self.sizes)
        return _Summed(rows, sums, judged.tally, judged.bad)

    def of_split(self, block: TradeBlock, first_row: int) -> _Summed:
        """A block with rows that do not parse."""
        good, bad = block.split(first_row)
        summed = self.of_table(good)
        summed.tally.trades += bad.height
        summed.tally.bad["unreadable"] += bad.height
        return _Summed(summed.rows + bad.height, summed.sums, summed.tally, pl.concat([summed.bad, bad]))


def _counted(done: tuple[TradeBlock, Future[_Summed | None]], reading: Reading, summing: _Summing) -> tuple[Sums, ...]:
    """The sums of a block; its counts and bad rows are added to the reading. Raises CheckFailed when it is rotten."""
    block, future = done
    summed = future.result() or summing.of_split(block, reading.received.rows + 1)
    reading.received.rows += summed.rows
    reading.tally.add(summed.tally)
    if summed.bad.height:
        reading.bad.append(summed.bad)
        if reading.tally.bad.total() > MOST_BAD_ROWS:
            reading.refuse_if_rotten()
    return summed.sums
