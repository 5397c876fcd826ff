"""The search for gaps: what is wanted, held, traded and quiet, for symbols of one asset class over session dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from forebay.lake.log.entries import exists
from forebay.lake.reading.selecting import rows_as_stored
from forebay.lake.reading.tables import Tables
from forebay.model.calendar import published_by, session, session_days
from forebay.model.catalogue import BAR_DATASETS, Dataset, Kind
from forebay.model.feed import Feed, SourceChoice
from forebay.model.gap import Gap, GapKind, Proof
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.rows import row_schema
from forebay.orchestration.gap_book import STORED, GapBook
from forebay.orchestration.gap_telling import gap_of
from forebay.orchestration.minutes import KEY, day_trades, lacking, silences, sums
from forebay.orchestration.planner import SATISFIED, Planner
from forebay.orchestration.rows_brought import brought, lost, rows_of_files
from forebay.orchestration.wanted import Wish

_BASELINE = timedelta(days=31)
"""Read before the first date asked for, so that what is usual is known of the first sessions too."""
_CHUNK = 63
"""Sessions that are read and compared at once, at most: a quarter."""
_TRADED_AT_ONCE = 100
"""Symbols whose trades of a session are in memory at once."""

MissingByTrades = Callable[[date, Collection[str]], Mapping[str, int]]
"""The symbols whose held trades of a session make minute bars that are not held, and how many; 0: proved, none."""


@dataclass(frozen=True, slots=True)
class GapScope:
    """What is searched: symbols of one asset class, on session dates that are over."""

    asset_class: AssetClass
    symbols: tuple[str, ...]
    dates: Interval
    source: SourceChoice = SourceChoice.AUTO
    """Where what was never fetched is to come from."""

    @property
    def named(self) -> tuple[str, ...] | None:
        """Its symbols; None where it is the whole market (`*`)."""
        return None if self.symbols == (ALL_SYMBOLS,) else self.symbols

    @property
    def minutes(self) -> Dataset:
        """The dataset of its minute bars."""
        return BAR_DATASETS[f"{self.asset_class}/{Kind.BARS_1M}"]

    @property
    def days(self) -> Dataset:
        """The dataset of its day bars."""
        return BAR_DATASETS[f"{self.asset_class}/{Kind.BARS_1D}"]

    @property
    def sessions(self) -> tuple[date, ...]:
        """The session dates in it."""
        dataset = self.minutes
        return tuple(session_days(dataset.calendar, max(self.dates.start, dataset.first_date), self.dates.end))

    def wish(self, dataset: Dataset, days: tuple[date, ...]) -> Wish:
        """The same as a wish for some sessions of one of its datasets."""
        feed = Feed("gaps", (dataset,), self.symbols, self.dates.start, self.dates.end, self.source)
        return Wish(feed, dataset, self.symbols, days)


@dataclass(frozen=True, slots=True)
class GapScan:
    """Searches; changes nothing and asks nobody."""

    tables: Tables
    planner: Planner
    missing_by_trades: MissingByTrades
    book: GapBook

    def run(self, scope: GapScope) -> Iterator[Gap]:
        """The gaps of `scope`, by quarter, symbol and date.

        Minute and day bars are read once, the columns that are compared; memory is a row for each symbol and session
        of a quarter. Of the whole market a session of which no file is held, or whose file lost rows, is one gap (`*`).
        Raises LakeError, LedgerError.
        """
        since = _BASELINE
        for days in even_parts(scope.sessions):
            part = replace(scope, dates=Interval(days[0], days[-1]))
            for gap in self._part(part, Interval(days[0] - since, days[-1])):
                yield replace(gap, table=scope.minutes.table)
            since = timedelta()

    def unproven(self, scope: GapScope) -> dict[str, int]:
        """Symbol to its sessions that REST brought when nobody counted their bars: a single lost one shows nowhere."""
        found: Counter[str] = Counter()
        for row in self.book.by_rest(scope.minutes, scope.named, scope.dates):
            if row.verdict in STORED and row.rows_by_day is None:
                start, end = (
                    max(row.partition.dates.start, scope.dates.start),
                    min(row.partition.dates.end, scope.dates.end),
                )
                found[row.partition.symbol] += len(session_days(scope.minutes.calendar, start, end))
        return dict(found)

    def _part(self, scope: GapScope, read: Interval) -> Iterator[Gap]:
        held = sums(self._rows(scope.minutes, scope.named, read))
        traded = day_trades(self._rows(scope.days, scope.named, read))
        never, short = self._uncovered(scope, held, traded), list(self._short_files(scope))
        asked = pl.col("session_date").is_between(scope.dates.start, scope.dates.end)
        by_trades = self._by_trades(scope, held)
        whole_days = by_trades.filter(pl.col("proved") == 0)
        apart = lacking(held, traded).filter(asked).join(whole_days, on=KEY, how="anti")
        apart = apart.with_columns(pl.lit(value=True).alias("by_day_bar"))
        told = pl.concat([apart, never.join(apart, on=KEY, how="anti")], how="diagonal")
        for more in (self._lost(scope, held), by_trades.filter(pl.col("proved") > 0)):
            told = told.join(more, on=KEY, how="full", coalesce=True)
        if scope.named is None:
            whole = {*never["session_date"], *(gap.day for gap in short)}
            told = told.filter((pl.col("ticker") == ALL_SYMBOLS) | ~pl.col("session_date").is_in(list(whole)))
        if told.height:
            bars = held.select(*KEY, "minutes")
            yield from self._told(scope, told.drop("minutes").join(bars, on=KEY, how="left").sort(KEY))
        days = set(told["session_date"]) if scope.named else set()
        yield from (gap for gap in short if gap.day not in days)

    def _short_files(self, scope: GapScope) -> Iterator[Gap]:
        """Sessions of which the lake has fewer rows than their file brought."""
        stored = self.book.files(scope.minutes, scope.dates)
        counts = rows_of_files(self.tables, scope.minutes, scope.dates) if stored else {}
        patched = {day for _, day in self.book.by_trades(scope.minutes, None, scope.dates)} if stored else set()
        for day, row in sorted(stored.items()):
            held = counts.get(day, 0)
            lacks = 0 if held is None or day in patched else (row.evidence.rows or 0) - held
            if lacks > 0:
                hours = session(scope.minutes.calendar, day)
                text = f"{lacks:,} of the {row.evidence.rows:,} rows that the day's file brought are not in the lake"
                last = hours.regular_closes - timedelta(minutes=1)
                kind = GapKind.MINUTES if held else GapKind.DAY
                yield Gap(ALL_SYMBOLS, day, kind, Proof.COUNT, lacks, hours.regular_opens, last, text)

    def _lost(self, scope: GapScope, held: pl.DataFrame) -> pl.DataFrame:
        """BROUGHT and `lost`: what REST brought of a symbol's session and the lake has no more."""
        patched = self.book.by_trades(scope.minutes, scope.named, scope.dates)
        came = brought(self.book.by_rest(scope.minutes, scope.named, scope.dates), scope.dates, patched)
        names = came["ticker"].unique().to_list()
        rows = self._rows(scope.minutes, names, scope.dates)
        return lost(came, held, rows, self.book.files(scope.minutes, scope.dates))

    def _uncovered(self, scope: GapScope, held: pl.DataFrame, traded: pl.DataFrame) -> pl.DataFrame:
        """The sessions that nothing is recorded of, no minute is held of, and on which the symbol may have traded."""
        absent = self._gaps(scope, scope.minutes)
        maybe = pl.concat([self._gaps(scope, scope.days), traded.select(KEY)])
        if scope.named is None:
            due = [day for day in scope.sessions if published_by(day) <= self.planner.now]
            return absent.filter(pl.col("session_date").is_in(due)).join(maybe, on="session_date", how="semi")
        return absent.join(held, on=KEY, how="anti").join(maybe, on=KEY, how="semi")

    def _gaps(self, scope: GapScope, dataset: Dataset) -> pl.DataFrame:
        """What the ledger has no answer for, by symbol and session."""
        gaps = self.planner.gaps(scope.wish(dataset, scope.sessions), SATISFIED)
        rows = {"ticker": list(gaps), "session_date": [list(days) for days in gaps.values()]}
        schema = {"ticker": pl.String(), "session_date": pl.List(pl.Date())}
        return pl.DataFrame(rows, schema=schema).explode("session_date")

    def _by_trades(self, scope: GapScope, held: pl.DataFrame) -> pl.DataFrame:
        """KEY and `proved`, the minutes that held trades make and the lake lacks; 0 where it is proved to lack none."""
        found: list[tuple[str, date, int]] = []
        names = scope.named or sorted(set(held["ticker"]))
        if scope.asset_class is AssetClass.STOCKS:
            for day in session_days(scope.minutes.calendar, scope.dates.start, scope.dates.end):
                for at in range(0, len(names), _TRADED_AT_ONCE):
                    missing = self.missing_by_trades(day, names[at : at + _TRADED_AT_ONCE])
                    found += [(name, day, count) for name, count in missing.items()]
        schema = {"ticker": pl.String(), "session_date": pl.Date(), "proved": pl.Int64()}
        return pl.DataFrame(found, schema=schema, orient="row")

    def _told(self, scope: GapScope, found: pl.DataFrame) -> Iterator[Gap]:
        names, days = sorted(set(found["ticker"])), sorted(set(found["session_date"]))
        bars = self._rows(scope.minutes, names, Interval(days[0], days[-1])).select(*KEY, "window_start")
        bars = bars.join(found.lazy().select(KEY), on=KEY, how="semi")
        schema = {"session_date": pl.Date(), **dict.fromkeys(("opens", "closes"), pl.Datetime("us", "UTC"))}
        bounds = [session(scope.minutes.calendar, day) for day in days]
        hours = pl.DataFrame(
            [(each.day, each.regular_opens, each.regular_closes) for each in bounds], schema=schema, orient="row"
        )
        asked = found.join(hours, on="session_date")
        quiet = silences(bars.collect(engine="streaming"), asked.select(*KEY, "opens", "closes"))
        gaps = [gap_of(row) for row in asked.join(quiet, on=KEY, how="left").sort(KEY).iter_rows(named=True)]
        yield from self.book.known(scope.minutes, gaps)

    def _rows(self, dataset: Dataset, symbols: Sequence[str] | None, dates: Interval) -> pl.LazyFrame:
        """The rows of a table as they are stored; none where there is no such table."""
        if not exists(self.tables.home.table(dataset.table)):
            return pl.LazyFrame(schema=row_schema(dataset))
        found = self.tables.select(dataset, dates, symbols)
        return rows_as_stored(found.home, dataset, found.files, dates, symbols)


def even_parts(sessions: Sequence[date]) -> Iterator[Sequence[date]]:
    """At most _CHUNK sessions each, and none much shorter than the others: it would not say what is usual."""
    parts = -(-len(sessions) // _CHUNK)
    for part in range(parts):
        yield sessions[part * len(sessions) // parts : (part + 1) * len(sessions) // parts]
