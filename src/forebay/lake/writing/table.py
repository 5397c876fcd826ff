"""Writing to the lake: a staged file becomes part of a table in one commit, and what it replaces leaves in the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from threading import Lock

import polars as pl
from pyarrow import ArrowException

from forebay.clock import Clock, SystemClock
from forebay.errors import CheckFailed, LakeError
from forebay.lake.format.deliveries import day_facts, range_delivery
from forebay.lake.format.digest import digest
from forebay.lake.format.footer import rows_and_days
from forebay.lake.format.layout import FileName, is_compacted, partition_folder, partition_value, split_by_partition
from forebay.lake.home.address import home_at
from forebay.lake.home.home import Home
from forebay.lake.home.moving import MARK_LENGTH, mark_of
from forebay.lake.home.staging import Staging, storage_errors
from forebay.lake.intake.intake import Staged, stage
from forebay.lake.log.log import TableLog
from forebay.lake.sorting.sums import sums_of
from forebay.lake.writing.live_day import put_bars
from forebay.lake.writing.ownership import (
    Giving,
    flatfile_days,
    gives_way_to_day,
    gives_way_to_range,
    gives_way_to_rows,
    of_day,
    of_symbol,
)
from forebay.lake.writing.patching import prove_seen
from forebay.lake.writing.placing import Placing
from forebay.lake.writing.redelivery import Redelivery, holding
from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Revision, Source


@dataclass(frozen=True, slots=True)
class Committed:
    """The state of the lake after a delivery."""

    version: int
    """The table's version that holds it."""
    new: bool
    """False when the lake held exactly this before: nothing was written."""


class LakeTables:
    """The lake at `place`, for writing. Safe in threads and in several processes at once."""

    def __init__(
        self, place: Path | str | Home, staging: Staging, clock: Clock | None = None, random: Random | None = None
    ) -> None:
        self.home = home_at(place)
        self.disk = staging.folder
        """Where files are written before they are part of the lake, for errors."""
        self._staging = staging
        self.clock = clock or SystemClock()
        self._random = random or Random()
        self._logs: dict[str, TableLog] = {}
        self._opening = Lock()

    def stage(
        self,
        tables: Iterable[pl.DataFrame],
        dataset: Dataset,
        name: str,
        delivered: tuple[date, Revision] | None = None,
    ) -> Staged:
        """Check rows and write the good ones to a file in staging; see `forebay.lake.intake.intake.stage`.

        `delivered` are the day and the revision of a flat file, for the footer: they prove what the lake holds of it.
        """
        return stage(tables, dataset, self._staging, name, day_facts(*delivered) if delivered else None)

    def new_file(self) -> Path:
        """A path in staging for a file that is about to be written. Safe in threads."""
        return self._staging.new_file()

    def replace_day(self, staged: Staged, day: date, revision: Revision) -> Committed:
        """Make `staged` the day's rows of all symbols, in place of the day's earlier file and of every other source.

        Other sources keep the tickers whose rows in the file are all bad; a file with no rows takes only the day's
        earlier file away. The same rows of the same revision twice are one commit. The staged file is gone
        afterwards. Raises CheckFailed when no row is good or some are of other days, LakeError or StoreError when it
        cannot be committed: the lake is then as it was.
        """
        table = staged.dataset.table
        with _used_up(staged):
            _prove_day(staged, day)
            target, spared = _day_path(staged, day, revision), _spared(staged)
            with self.placing(table) as placing:
                while placing.again():
                    held = placing.held(partition_value(table, day))
                    compacted = holding(held, day) if staged.rows else []
                    if compacted:
                        home, dataset = self.home.table(table), staged.dataset
                        Redelivery(home, dataset, staged.path, day, revision).put(placing, compacted)
                    elif staged.rows and target not in held:
                        placing.put(staged.path, target, staged.rows)
                    others = [path for path in held if path not in (target, *compacted)]
                    placing.take(gives_way_to_day(others, day, spared))
                    placing.commit(f"{table} {day} flat file")
        return Committed(placing.version, placing.new)

    def put_range(self, staged: Staged, symbol: str, dates: Interval) -> Committed:
        """Make `staged` the REST rows of `symbol` (`*`: of all) over `dates`; days owned by a flat file stay.

        No rows is an answer too: what REST said before is then gone. The staged file is gone afterwards. Raises
        CheckFailed for rows of another symbol or date, LakeError or StoreError when it cannot be committed: the lake
        is then as it was.
        """
        table = staged.dataset.table
        with _used_up(staged):
            rows = staged.stash.table()
            _prove_range(rows, symbol, dates, table)
            with self.placing(table) as placing:
                while placing.again():
                    for partition, share in split_by_partition(table, dates):
                        self._put_share(placing, rows, (table, symbol, partition, share))
                    placing.commit(f"{table} {symbol} {dates.start}..{dates.end} REST")
        return Committed(placing.version, placing.new)

    def put_live(self, table: str, rows: pl.DataFrame) -> Committed:
        """Put minute bars of days that go on (`row_schema`, checked) into a table: of `stream`, or refilled by `rest`.

        A bar takes the place of the one with its ticker and time, in `rows` the last one of each; the same again is no
        commit. Of a session date whose file is held nothing is taken, of a ticker that another source told of only
        what is later than that. Raises LakeError or StoreError when it cannot be committed: the lake is then as it was.
        """
        with self.placing(table) as placing:
            while placing.again():
                for (day,), mine in rows.group_by("session_date", maintain_order=True):
                    put_bars(placing, table, day, mine)
                placing.commit(f"{table} live")
        return Committed(placing.version, placing.new)

    def patch_day(
        self, staged: Staged, day: date, tickers: Collection[str], gone: pl.DataFrame, seen: pl.DataFrame
    ) -> Committed:
        """Put `staged` bars of `tickers`, built from trades, in place of those of the day with the keys in `gone`.

        `gone` has the columns ticker and window_start; whatever else the vendor brought stays as it is. `seen` are the
        day's rows of `tickers` (BAR_ROWS) as they were when this was decided. The staged file is gone afterwards.
        Raises TemporaryError when they are others by now, CheckFailed for rows that are bad or of another day,
        LakeError or StoreError when it cannot be committed: the lake is then as it was.
        """
        table = staged.dataset.table
        with _used_up(staged):
            rows = staged.stash.table()
            _prove_patch(staged, rows, day)
            with self.placing(table) as placing:
                while placing.again():
                    held = placing.held(partition_value(table, day))
                    paths = of_day(held, day)
                    prove_seen(placing.scan(paths) if paths else None, day, tickers, seen)
                    placing.take(gives_way_to_rows(held, day, gone))
                    if rows.height:
                        target = _patch_path(table, day, rows)
                        placing.put(staged.path, target, rows.height)
                    placing.commit(f"{table} {day} from trades")
        return Committed(placing.version, placing.new)

    def set_aside(self, table: str, paths: Collection[str]) -> Committed:
        """Take damaged files out of a table, in one commit. They stay on disk until a vacuum; other rows are untouched.

        `paths` are relative to the table; those that it does not hold any more are left out. Raises LakeError and
        StoreError.
        """
        with self.placing(table) as placing:
            while placing.again():
                parts = {path.split("/", 1)[0].partition("=")[2] for path in paths}
                held = {path for part in sorted(parts) for path in placing.held(part)}
                placing.drop([path for path in paths if path in held])
                placing.commit(f"{table}: damaged files set aside")
        return Committed(placing.version, placing.new)

    def _put_share(self, placing: Placing, rows: pl.DataFrame, where: tuple[str, str, str, Interval]) -> None:
        """One partition's part of a range."""
        table, symbol, partition, share = where
        held = placing.held(partition, symbol)
        owned = list(flatfile_days(placing.scan, held))
        day = pl.col("session_date")
        mine = rows.filter(day.is_between(share.start, share.end) & ~day.is_in(owned))
        givings = gives_way_to_range(held, symbol, share, owned)
        if _says_the_same(placing, givings, mine):
            return
        target = ""
        if mine.height:
            name = FileName(share, Source.REST, symbol, digest([mine])[:MARK_LENGTH])
            target = f"{partition_folder(table, partition)}/{name}"
            if target not in held:
                delivery = range_delivery(symbol, share, mine)
                placing.put(placing.write([mine], [delivery]), target, mine.height)
        placing.take(gives_way_to_range([path for path in held if path != target], symbol, share, owned))

    def placing(self, table: str) -> Placing:
        """One change of a table, planned against its newest state."""
        with self._opening:
            log = self._logs.setdefault(table, TableLog(self.home.table(table), table))
        return Placing(log, table, self._staging, self.clock, self._random)


@contextmanager
def _used_up(staged: Staged) -> Iterator[None]:
    """Nothing of a delivery stays in staging, however it ends."""
    try:
        yield
    finally:
        staged.stash.discard()


def _says_the_same(placing: Placing, givings: Iterable[Giving], rows: pl.DataFrame) -> bool:
    """Whether REST rows that came are those that are compacted already, and nothing else would give way."""
    alone = [giving for giving in givings if giving.whole or giving.partly]
    if not alone or any(giving.whole or not is_compacted(giving.partly[0]) for giving in alone):
        return False
    paths = [giving.partly[0] for giving in alone]
    held = placing.scan(paths).filter(alone[0].goes).select(rows.columns).collect()
    return sums_of(held) == sums_of(rows)


def _day_path(staged: Staged, day: date, revision: Revision) -> str:
    with storage_errors(staged.path):
        mark = mark_of(f"{revision.etag}|{revision.size}", staged.path)
    name = FileName(Interval(day, day), Source.FLATFILE, ALL_SYMBOLS, mark)
    return f"{partition_folder(staged.dataset.table, partition_value(staged.dataset.table, day))}/{name}"


def _patch_path(table: str, day: date, rows: pl.DataFrame) -> str:
    tickers = rows["ticker"].unique()
    symbol = tickers[0] if tickers.len() == 1 else ALL_SYMBOLS
    name = FileName(Interval(day, day), Source.TRADES, symbol, digest([rows])[:MARK_LENGTH])
    return f"{partition_folder(table, partition_value(table, day))}/{name}"


def _spared(staged: Staged) -> Collection[str] | None:
    """Tickers that a day's file says nothing good of: those with bad rows only. None, for all, when it has no rows."""
    if staged.tally.rows == 0:
        return None
    doubtful = set(staged.bad["ticker"].drop_nulls())
    if not doubtful:
        return ()
    good = pl.scan_parquet(staged.path).filter(pl.col("ticker").is_in(sorted(doubtful)))
    found = good.select(pl.col("ticker").unique()).collect(engine="streaming")  # a day of quotes fits no memory
    return doubtful - set(found.to_series())


def _prove_day(staged: Staged, day: date) -> None:
    """The file is on disk with the rows that were counted, all of `day`; with none only if none came."""
    try:
        rows, first, last = rows_and_days(staged.path)
    except (ArrowException, OSError) as error:
        raise LakeError(f"{staged.path} cannot be read back: {error}", remedy="run the task again") from error
    if rows == staged.rows == 0:
        if staged.tally.rows == 0:
            return
        raise CheckFailed(
            f"{staged.dataset.key(day)} holds no good rows", remedy="nothing was replaced; see the quarantine"
        )
    if rows != staged.rows or (first, last) != (day, day):
        raise CheckFailed(
            f"{staged.path} has {rows} rows of {first} to {last} instead of {staged.rows} of {day}",
            remedy="run the task again; the file in staging was changed by something else",
        )


def _prove_patch(staged: Staged, rows: pl.DataFrame, day: date) -> None:
    """All rows were good, and are of `day`."""
    if staged.bad.height:
        raise CheckFailed(
            f"{staged.bad.height} bars of {day} built from trades failed a check: {', '.join(staged.tally.bad)}",
            remedy="nothing was stored; report it with the tickers, for it is a fault in Forebay",
        )
    _prove_range(rows, ALL_SYMBOLS, Interval(day, day), staged.dataset.table)


def _prove_range(rows: pl.DataFrame, symbol: str, dates: Interval, table: str) -> None:
    wrong = rows.filter(~of_symbol(symbol) | ~pl.col("session_date").is_between(dates.start, dates.end))
    if wrong.height:
        ticker, day = wrong.row(0, named=True)["ticker"], wrong.row(0, named=True)["session_date"]
        raise CheckFailed(
            f"{table}: {wrong.height} rows are not {symbol} in {dates.start}..{dates.end}: {ticker} on {day}",
            remedy="nothing was stored",
        )
