"""What is written from the lake, planned: what of it is as the lake has it, and what is to be written next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from forebay.ledger.coverage import CoverageBook
from forebay.model.coverage import Verdict
from forebay.model.feed import FILES, LAKE
from forebay.model.freshness import Mark, fresh
from forebay.model.instrument import encode_name
from forebay.model.intervals import Interval, subtract, union
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.task import TaskDraft, TaskKind
from forebay.orchestration.gaps import Days, Gaps, missing
from forebay.orchestration.plan import Line
from forebay.orchestration.wanted import Wish

_SECONDS = 0.05
"""What one ticker takes, about."""
LAST = 0
"""Their priority: a copy is written after everything that may change what the lake has of it."""


@dataclass(frozen=True, slots=True)
class Exports:
    """Compares what the ledger says of copies with what it says of the lake. Reads neither."""

    coverage: CoverageBook
    exists: Callable[[Wish, str], bool]
    """Whether a ticker's copy is there, as far as that is seen at once: a file removed by hand is written again."""

    def fresh(
        self, wish: Wish, verdicts: Collection[Verdict], before: Iterable[Line] = ()
    ) -> dict[str, list[Interval]]:
        """Symbol to the dates that its copy has as the lake has them, and will have after the lines `before`.

        None for a copy that is not there.
        """
        found = self.coverage.marks(wish.destination, wish.table, wish.symbols, wish.span)
        wanted = {symbol: [mark for mark in marks if mark.verdict in verdicts] for symbol, marks in found.items()}
        held = {symbol: marks for symbol, marks in wanted.items() if marks}
        lake = self.coverage.marks(LAKE, wish.dataset.table, held, wish.span) if held else {}
        whole = sorted(lake.get(ALL_SYMBOLS, ()), key=lambda mark: mark.checked_at, reverse=True)
        coming = _coming(wish, before)
        everyone = coming.get(ALL_SYMBOLS, [])
        return {
            symbol: subtract(
                fresh([*_since(whole, marks), *lake.get(symbol, ())], marks), [*everyone, *coming.get(symbol, ())]
            )
            for symbol, marks in held.items()
            if self.exists(wish, symbol) or not any(mark.rows for mark in marks)
        }

    def line(self, wish: Wish, gaps: Gaps, before: Iterable[Line]) -> Line | None:
        """The tasks for those of a wish's `gaps` that the lake has, or will have `before`; None without any."""
        there = self._in_lake(wish, before)
        everyone = there.pop(ALL_SYMBOLS, [])
        days = {symbol: _inside(gap, [*everyone, *there.get(symbol, ())]) for symbol, gap in gaps.items()}
        drafts = tuple(_draft(wish, symbol, found) for symbol, found in days.items() if found)
        if not drafts:
            return None
        return Line(
            feed=wish.feed.name,
            table=wish.table,
            destination=wish.destination,
            source=Source.LAKE,
            drafts=drafts,
            tasks=len(drafts),
            days=len({day for found in days.values() for day in found}),
            calls=0,
            fewest_calls=0,
            bytes=0,
            seconds=_SECONDS * len(drafts),
            why="written from the lake",
        )

    def _in_lake(self, wish: Wish, before: Iterable[Line]) -> dict[str, list[Interval]]:
        """Symbol (or `*`) to the dates of which the lake has something, now or after these lines of the plan."""
        found = _coming(wish, before)
        for symbol, marks in self.coverage.marks(LAKE, wish.dataset.table, wish.symbols, wish.span).items():
            found[symbol] += [mark.dates for mark in marks]
        return {symbol: union(dates) for symbol, dates in found.items()}


def _coming(wish: Wish, before: Iterable[Line]) -> defaultdict[str, list[Interval]]:
    """Symbol (or `*`) to the dates that these lines of the plan bring into the lake."""
    found: defaultdict[str, list[Interval]] = defaultdict(list)
    mine = [line for line in before if (line.destination, line.table) == (LAKE, wish.dataset.table)]
    for draft in (draft for line in mine for draft in line.drafts):
        found[draft.partition.symbol].append(draft.partition.dates)
    return found


def _since(newest_first: Sequence[Mark], marks: Iterable[Mark]) -> Iterable[Mark]:
    """Those that were recorded after the oldest of `marks`."""
    oldest = min(mark.checked_at for mark in marks)
    return takewhile(lambda mark: mark.checked_at > oldest, newest_first)


def _inside(days: Days, dates: Iterable[Interval]) -> Days:
    outside = set(missing(days, union(dates)))
    return tuple(day for day in days if day not in outside)


def _draft(wish: Wish, symbol: str, days: Days) -> TaskDraft:
    name = wish.destination.partition(":")[0]
    return TaskDraft(
        kind=TaskKind.EXPORT if name == FILES else TaskKind.PUBLISH,
        key=f"{name}/{wish.table}/{encode_name(symbol)}",
        dataset=f"{name}/{wish.timeframe}",
        partition=Partition(wish.table, symbol, Interval(days[0], days[-1])),
        destination=wish.destination,
        source=Source.LAKE,
        priority=LAST,
    )
