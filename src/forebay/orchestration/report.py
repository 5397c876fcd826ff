"""What is held and what is not, feed by feed: the data behind `forebay status` and the coverage grid."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from forebay.errors import NotPublishedYet
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.coverage import Verdict
from forebay.model.intervals import Interval, runs
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.task import WAITS_FOR_LAKE, TaskState
from forebay.orchestration.gaps import Days, Gaps, all_days
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
    destination: str
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
    destination: str
    symbols: int | None
    """How many symbols; None means all."""
    dates: Interval
    wanted: int
    held: int
    cells: dict[str, Cell]
    """By month, `2026-03`."""
    holes: tuple[Hole, ...]


_ALL_ROWS = 1_000_000
_ABSENT = (Verdict.PENDING_UPSTREAM, Verdict.MISSING_UPSTREAM)
_UNFINISHED = (TaskState.PENDING, TaskState.FAILED_DOWNLOAD, TaskState.FAILED_UPLOAD, TaskState.PERMANENT_FAILURE)
_GRAVITY = [Verdict.PENDING_UPSTREAM, Verdict.MISSING_UPSTREAM, Verdict.SUSPECT]


def report(planner: Planner, ledger: Ledger, wishes: Iterable[Wish]) -> list[Row]:
    """One row for each wish. Reads the ledger only."""
    return [_row(planner, ledger, wish) for wish in wishes]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a day that is not held."""

    verdict: Verdict | None
    reason: str


_Explained = dict[tuple[str, date], _Known]
"""By symbol and day."""


def _row(planner: Planner, ledger: Ledger, wish: Wish) -> Row:
    gaps = planner.gaps(wish)
    if replaced := planner.replaced(wish):
        gaps[ALL_SYMBOLS] = tuple(sorted({*gaps.get(ALL_SYMBOLS, ()), *replaced}))
    known = _explain(planner, ledger, wish) if gaps else {}
    wanted = Counter(f"{day:%Y-%m}" for day in wish.days)
    missing = _by_month(gaps, wish.span)
    width = len(wish.symbols)
    cells = {
        month: Cell(count * width, count * width - missing[month], _worst(month, known))
        for month, count in sorted(wanted.items())
    }
    return Row(
        feed=wish.feed.name,
        table=wish.table,
        destination=wish.destination,
        symbols=None if wish.whole_market else width,
        dates=wish.span,
        wanted=sum(cell.wanted for cell in cells.values()),
        held=sum(cell.held for cell in cells.values()),
        cells=cells,
        holes=tuple(_holes(wish, gaps, known)),
    )


def _by_month(gaps: Gaps, span: Interval) -> Counter[str]:
    """How many symbol days of `span` are gaps. Of thousands of symbols most have the same gaps, counted once."""
    missing: Counter[str] = Counter()
    for days, symbols in Counter(gaps.values()).items():
        for day in days:
            if day in span:
                missing[f"{day:%Y-%m}"] += symbols
    return missing


def _explain(planner: Planner, ledger: Ledger, wish: Wish) -> _Explained:
    """What coverage says of days, and under it what tasks that wait or failed say."""
    known: _Explained = {}
    for task in ledger.tasks.find(_unfinished(wish), limit=_ALL_ROWS):
        pending = task.error_kind in (NotPublishedYet.kind, WAITS_FOR_LAKE)
        what = _Known(Verdict.PENDING_UPSTREAM if pending else None, task.error_message or "")
        partition = task.draft.partition
        known |= {(partition.symbol, day): what for day in wish.days if what.reason and day in partition.dates}
    listed = planner.listed(wish)
    for row in ledger.coverage.unsatisfied(wish.destination, wish.table, wish.span):
        days = {row.partition.dates.start, *(day for day in wish.days if day in row.partition.dates)}
        if row.verdict in _ABSENT:
            days -= listed.keys()  # it has come since
        known |= {(row.partition.symbol, day): _Known(row.verdict, row.evidence.reason) for day in days}
    return {(symbol, day): what for (symbol, day), what in known.items() if symbol in (ALL_SYMBOLS, *wish.symbols)}


def _unfinished(wish: Wish) -> TaskFilter:
    return TaskFilter(states=_UNFINISHED, table=wish.table, destination=wish.destination)


def _worst(month: str, known: _Explained) -> Verdict | None:
    verdicts = [one.verdict for (_, day), one in known.items() if one.verdict and f"{day:%Y-%m}" == month]
    return max(verdicts, key=_GRAVITY.index, default=None)


def _holes(wish: Wish, gaps: Gaps, known: _Explained) -> Iterator[Hole]:
    """Neighbouring days of which the same is known, or nothing, are one hole."""
    among = sorted({*wish.days, *all_days(gaps)})

    @cache  # most symbols have the same gaps
    def parts(days: Days) -> list[tuple[Interval, int]]:
        return [(dates, sum(1 for day in days if day in dates)) for dates in runs(days, among)]

    for symbol, days in gaps.items():
        for what, same in _alike(symbol, days, known):
            for dates, sessions in parts(same):
                yield Hole(
                    feed=wish.feed.name,
                    table=wish.table,
                    destination=wish.destination,
                    symbol=symbol,
                    dates=dates,
                    sessions=sessions,
                    verdict=what.verdict,
                    reason=what.reason,
                )


def _alike(symbol: str, days: Days, known: _Explained) -> Iterator[tuple[_Known, Days]]:
    """The days by what is known of them."""
    if not known:
        yield _NOTHING, days
        return
    alike: defaultdict[_Known, list[date]] = defaultdict(list)
    for day in days:
        alike[known.get((symbol, day)) or known.get((ALL_SYMBOLS, day)) or _NOTHING].append(day)
    for what, same in alike.items():
        yield what, tuple(same)


_NOTHING = _Known(None, "")
