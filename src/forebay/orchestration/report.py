"""What is held and what is not, feed by feed: the data behind `forebay status` and the coverage grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from forebay.ledger import Ledger
from forebay.model.coverage import Coverage, Verdict
from forebay.model.intervals import Interval, runs
from forebay.model.partition import ALL_SYMBOLS
from forebay.orchestration.planner import Planner
from forebay.orchestration.wanted import Wish


@dataclass(frozen=True, slots=True)
class Cell:
    """One month of one feed's table: how many (symbol, session date) pairs are wanted and how many are held."""

    wanted: int
    held: int
    worst: Verdict | None
    """The gravest verdict of what is not held; None where nothing is known of it yet."""

    @property
    def complete(self) -> bool:
        """Nothing of the month is missing."""
        return self.held == self.wanted


@dataclass(frozen=True, slots=True)
class Hole:
    """Consecutive session dates that are wanted and not covered, with what is known of them."""

    feed: str
    table: str
    symbol: str
    dates: Interval
    sessions: int
    verdict: Verdict | None
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One feed's wish for one table."""

    feed: str
    table: str
    symbols: int | None
    """How many symbols; None means all."""
    dates: Interval
    wanted: int
    held: int
    cells: dict[str, Cell]
    """By month, `2026-03`."""
    holes: tuple[Hole, ...]


_GRAVITY = [Verdict.PENDING_UPSTREAM, Verdict.MISSING_UPSTREAM, Verdict.SUSPECT]


def report(planner: Planner, ledger: Ledger, wishes: Iterable[Wish]) -> list[Row]:
    """One row for each wish and destination. Reads the ledger only."""
    return [_row(planner, ledger, wish, destination) for wish in wishes for destination in wish.feed.destinations]


def _row(planner: Planner, ledger: Ledger, wish: Wish, destination: str) -> Row:
    gaps = planner.gaps(wish, destination)
    if replaced := planner.replaced(wish, destination):
        gaps[ALL_SYMBOLS] = sorted({*gaps.get(ALL_SYMBOLS, []), *replaced})
    known = {
        (row.partition.symbol, row.partition.dates.start): row
        for row in ledger.coverage.unsatisfied(destination, wish.dataset.table, wish.span)
    }
    wanted = Counter(f"{day:%Y-%m}" for day in wish.days)
    missing = Counter(f"{day:%Y-%m}" for days in gaps.values() for day in days if day in wish.span)
    cells = {
        month: Cell(
            count * len(wish.symbols), count * len(wish.symbols) - missing[month], _worst(month, known.values())
        )
        for month, count in sorted(wanted.items())
    }
    return Row(
        feed=wish.feed.name,
        table=wish.dataset.table,
        symbols=None if wish.whole_market else len(wish.symbols),
        dates=wish.span,
        wanted=sum(cell.wanted for cell in cells.values()),
        held=sum(cell.held for cell in cells.values()),
        cells=cells,
        holes=tuple(_holes(wish, gaps, known)),
    )


def _worst(month: str, known: Iterable[Coverage]) -> Verdict | None:
    verdicts = [row.verdict for row in known if f"{row.partition.dates.start:%Y-%m}" == month]
    return max(verdicts, key=_GRAVITY.index, default=None)


def _holes(wish: Wish, gaps: dict[str, list[date]], known: dict[tuple[str, date], Coverage]) -> Iterator[Hole]:
    among = sorted({*wish.days, *(day for days in gaps.values() for day in days)})
    for symbol, days in gaps.items():
        for verdict_days in _alike(symbol, days, known):
            evidence = known.get((symbol, verdict_days[0])) or known.get((ALL_SYMBOLS, verdict_days[0]))
            for dates in runs(verdict_days, among):
                yield Hole(
                    feed=wish.feed.name,
                    table=wish.dataset.table,
                    symbol=symbol,
                    dates=dates,
                    sessions=sum(1 for day in verdict_days if day in dates),
                    verdict=evidence.verdict if evidence else None,
                    reason=evidence.evidence.reason if evidence else "",
                )


def _alike(symbol: str, days: list[date], known: dict[tuple[str, date], Coverage]) -> list[list[date]]:
    """Days grouped by what is known of them: unknown together, and each explained day by itself."""
    explained = [[day] for day in days if (symbol, day) in known or (ALL_SYMBOLS, day) in known]
    unknown = [day for day in days if [day] not in explained]
    return [*([unknown] if unknown else []), *explained]
