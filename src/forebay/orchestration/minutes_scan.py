"""The search for gaps: what is wanted, held, traded and quiet, for symbols of one asset class over session dates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from forebay.lake.log import delta
from forebay.lake.reading.selecting import rows_as_stored
from forebay.lake.reading.tables import Tables
from forebay.model.calendar import session, session_days
from forebay.model.catalogue import BAR_DATASETS, Dataset, Kind
from forebay.model.feed import Feed, SourceChoice
from forebay.model.gap import Gap, GapKind, Proof
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.orchestration.gap_book import GapBook
from forebay.orchestration.minutes import KEY, SESSIONS, TRADED, day_trades, lacking, silences, sums
from forebay.orchestration.planner import SATISFIED, Planner
from forebay.orchestration.wanted import Wish

_BASELINE = timedelta(days=31)
"""Read before the first date asked for, so that what is usual is known of the first sessions too."""
_CHUNK = 63
"""Sessions that are read and compared at once, at most: a quarter."""

MissingByTrades = Callable[[date, Collection[str]], Mapping[str, int]]
"""The symbols whose held trades of a session make minute bars that are not held, and how many."""


@dataclass(frozen=True, slots=True)
class GapScope:
    """What is searched: symbols of one asset class, on session dates that are over."""

    asset_class: AssetClass
    symbols: tuple[str, ...]
    dates: Interval
    source: SourceChoice = SourceChoice.AUTO
    """Where what was never fetched is to come from."""

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
        of a quarter. Raises LakeError, LedgerError.
        """
        since = _BASELINE
        for days in _even_parts(scope.sessions):
            part = replace(scope, dates=Interval(days[0], days[-1]))
            yield from self._part(part, Interval(days[0] - since, days[-1]))
            since = timedelta()

    def _part(self, scope: GapScope, read: Interval) -> Iterator[Gap]:
        held = sums(self._rows(scope.minutes, scope.symbols, read))
        traded = day_trades(self._rows(scope.days, scope.symbols, read))
        never = self._uncovered(scope, held, traded)
        asked = pl.col("session_date").is_between(scope.dates.start, scope.dates.end)
        apart = lacking(held, traded).filter(asked)
        by_trades = self._by_trades(scope)
        found = pl.concat([apart, never.join(apart, on=KEY, how="anti")], how="diagonal")
        found = found.join(by_trades, on=KEY, how="full", coalesce=True).sort(KEY)
        if found.height:
            yield from self._told(scope, found)
        yield from self._lost(scope, set(found["session_date"]))

    def _lost(self, scope: GapScope, told: Collection[date]) -> Iterator[Gap]:
        """Sessions of which the lake has fewer rows than their file brought, where no symbol of the scope tells."""
        stored = self.book.files(scope.minutes, scope.dates)
        counts = rows_of_files(self.tables, scope.minutes, scope.dates) if stored else {}
        for day, row in sorted(stored.items()):
            held = counts.get(day, 0)
            lost = 0 if held is None else (row.evidence.rows or 0) - held
            if lost > 0 and day not in told:
                hours = session(scope.minutes.calendar, day)
                text = f"{lost:,} of the {row.evidence.rows:,} rows that the day's file brought are not in the lake"
                last = hours.regular_closes - timedelta(minutes=1)
                kind = GapKind.MINUTES if held else GapKind.DAY
                yield Gap(ALL_SYMBOLS, day, kind, Proof.COUNT, lost, hours.regular_opens, last, text)

    def _uncovered(self, scope: GapScope, held: pl.DataFrame, traded: pl.DataFrame) -> pl.DataFrame:
        """The sessions that nothing is recorded of, no minute is held of, and on which the symbol may have traded."""
        absent = self._gaps(scope, scope.minutes)
        untold = self._gaps(scope, scope.days)
        return absent.join(held, on=KEY, how="anti").join(pl.concat([untold, traded.select(KEY)]), on=KEY, how="semi")

    def _gaps(self, scope: GapScope, dataset: Dataset) -> pl.DataFrame:
        """What the ledger has no answer for, by symbol and session."""
        gaps = self.planner.gaps(scope.wish(dataset, scope.sessions), SATISFIED)
        rows = {"ticker": list(gaps), "session_date": [list(days) for days in gaps.values()]}
        schema = {"ticker": pl.String(), "session_date": pl.List(pl.Date())}
        return pl.DataFrame(rows, schema=schema).explode("session_date")

    def _by_trades(self, scope: GapScope) -> pl.DataFrame:
        """KEY and `proved`, the minutes that held trades make and the lake lacks."""
        found: list[tuple[str, date, int]] = []
        if scope.asset_class is AssetClass.STOCKS:
            for day in session_days(scope.minutes.calendar, scope.dates.start, scope.dates.end):
                found += [(name, day, count) for name, count in self.missing_by_trades(day, scope.symbols).items()]
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
        gaps = [_gap(row) for row in asked.join(quiet, on=KEY, how="left").sort(KEY).iter_rows(named=True)]
        yield from self.book.known(scope.minutes, gaps)

    def _rows(self, dataset: Dataset, symbols: Sequence[str], dates: Interval) -> pl.LazyFrame:
        """The rows of a table as they are stored; none where there is no such table."""
        if not delta.exists(self.tables.home.table(dataset.table)):
            empty = {**SESSIONS, **TRADED, "window_start": pl.Datetime("us", "UTC"), "transactions": pl.Int64()}
            return pl.LazyFrame(schema=empty)
        found = self.tables.select(dataset, dates, symbols)
        return rows_as_stored(found.home, dataset, found.files, dates, symbols)


def _even_parts(sessions: Sequence[date]) -> Iterator[Sequence[date]]:
    """At most _CHUNK sessions each, and none much shorter than the others: it would not say what is usual."""
    parts = -(-len(sessions) // _CHUNK)
    for part in range(parts):
        yield sessions[part * len(sessions) // parts : (part + 1) * len(sessions) // parts]


def rows_of_files(tables: Tables, dataset: Dataset, dates: Interval) -> dict[date, int | None]:
    """Session date to the rows that flat files brought and the lake holds; None where some were repaired from trades.

    Two columns are read. Days without such rows are left out. Raises LakeError.
    """
    if not delta.exists(tables.home.table(dataset.table)):
        return {}
    found = tables.select(dataset, dates, None)
    rows = rows_as_stored(found.home, dataset, found.files, dates, None)
    counts = rows.group_by("session_date", "source").len().collect(engine="streaming")
    files = {day: count for day, source, count in counts.iter_rows() if source == Source.FLATFILE.value}
    patched = {day for day, source, _ in counts.iter_rows() if source == Source.TRADES.value}
    return {day: None if day in patched else count for day, count in files.items()}


def _gap(row: Mapping[str, Any]) -> Gap:
    proof = Proof.TRADES if row["proved"] else Proof.DAY_BAR if row["traded_day"] else Proof.COVERAGE
    first, last = row["first"] or row["opens"], row["last"] or row["closes"] - timedelta(minutes=1)
    return Gap(
        symbol=row["ticker"],
        day=row["session_date"],
        kind=GapKind.DAY if row["minutes"] == 0 or proof is Proof.COVERAGE else GapKind.MINUTES,
        proof=proof,
        missing=row["proved"] or _estimate(row),
        first=first,
        last=last,
        evidence=_evidence(row, proof),
    )


def _estimate(row: Mapping[str, Any]) -> int:
    """Minutes that lack, by the trades that do and those of the symbol's usual minute; at most all regular ones."""
    if not row["traded_day"]:
        return 1
    lacks: float = row["traded_day"] - row["traded"] - row["usual"]
    regular = int((row["closes"] - row["opens"]) / timedelta(minutes=1))
    return min(max(1, round(lacks / max(row["per_minute"] or 1.0, 1.0))), regular)


def _evidence(row: Mapping[str, Any], proof: Proof) -> str:
    if proof is Proof.TRADES:
        return f"{row['proved']:,} minute bars that its trades make are not held"
    if proof is Proof.COVERAGE:
        return "nothing of the session was ever fetched, and no day bar says whether it traded"
    lacks = row["traded_day"] - row["traded"]
    usual = f"; usually {row['usual']:,.0f} do" if row["minutes"] else "; no minute is held"
    return f"{lacks:,} of the {row['traded_day']:,} trades of its day bar are in no minute{usual}"
