"""The first phase: history, planned for all symbols of a batch together and worked off by a worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from structlog import get_logger

from forebay.clock import Clock
from forebay.errors import ForebayError, LedgerError, StoreError, WrongKey
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.coverage import Verdict
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval, subtract
from forebay.model.registry import SymbolRegistry
from forebay.model.task import TaskState
from forebay.orchestration.gaps import Gaps
from forebay.orchestration.ingest.feeds import feeds_of, misfit
from forebay.orchestration.ingest.phases import Came
from forebay.orchestration.planner import Planner
from forebay.orchestration.report import Hole, report
from forebay.orchestration.sync import Outlook, carry_out
from forebay.orchestration.wanted import Wish
from forebay.orchestration.worker import Worker

log = get_logger()

CountRows = Callable[[Wish, Gaps], Mapping[str, int]]
"""Symbol to the rows that the lake holds of days that were gaps."""
FindUnknown = Callable[[Sequence[Wish]], Collection[str]]
"""Those symbols of wishes that no vendor knows."""

_HELD = [state for state in TaskState if state.held]
_LOOK_AGAIN = 1.0
"""Seconds between two looks at tasks that another process is at."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """Closes the gaps of symbols, and says of each which are left."""

    ledger: Ledger
    clock: Clock
    outlook: Callable[[], Outlook]
    planner: Callable[[], Planner]
    worker: Callable[[], Worker]
    count_rows: CountRows
    find_unknown: FindUnknown
    destinations: tuple[str, ...] = (LAKE,)
    """Where history goes: the lake, and from there perhaps to Kafka."""
    patience: timedelta = timedelta(minutes=15)
    """How long tasks that another process is at are waited for."""

    def __call__(self, entries: Sequence[SymbolRegistry]) -> Mapping[str, Came]:
        """Fetch what is missing. Raises what no symbol can escape: a wrong key, a full disk, a database away."""
        failed = {entry.symbol: why for entry in entries if (why := misfit(entry))}
        before: list[tuple[Wish, Gaps]] = []
        for planned, refused in self._plans([entry for entry in entries if entry.symbol not in failed]):
            failed |= refused
            before += planned
        wishes = [wish for wish, _ in before]
        self._await_others(wishes)
        failed = {**self._left(wishes), **self._unknown(wishes, entries), **failed}
        rows = self._rows(before)
        return {entry.symbol: Came(rows.get(entry.symbol, 0), failed.get(entry.symbol)) for entry in entries}

    def _plans(self, entries: Sequence[SymbolRegistry]) -> Iterator[tuple[list[tuple[Wish, Gaps]], Mapping[str, str]]]:
        """Work each feed off: its wishes with what they lacked, and the symbols that cannot be had at all."""
        for feed in feeds_of(entries, self.destinations):
            try:
                prospect = self.outlook().look_ahead([feed])
            except (LedgerError, StoreError, WrongKey):
                raise
            except ForebayError as error:
                yield [], dict.fromkeys(feed.symbols or (), f"{error}. Next: {error.remedy}")
                continue
            for note in prospect.plan.notes:
                log.warning("backfill_note", note=note)
            planner = self.planner()
            before: list[tuple[Wish, Gaps]] = [(wish, planner.gaps(wish)) for wish in prospect.wishes]
            carry_out(prospect.plan, self.ledger, self.worker())
            yield before, {}

    def _await_others(self, wishes: Sequence[Wish]) -> None:
        """Tasks that another process is at may be what a symbol of ours lacks."""
        until = self.clock.now() + self.patience
        while any(self._held(wish) for wish in wishes) and self.clock.now() < until:
            self.clock.sleep(_LOOK_AGAIN)
            self.worker().drain()  # takes over from one that died

    def _held(self, wish: Wish) -> bool:
        held = TaskFilter(states=_HELD, table=wish.table, destination=wish.destination, dates=wish.span)
        return bool(self.ledger.tasks.find(held, limit=1))

    def _left(self, wishes: Sequence[Wish]) -> dict[str, str]:
        """Symbol to why something of it is missing; what is not published yet is nobody's fault.

        What a copy lacks because the lake lacks it is told of the lake, which comes first.
        """
        holes: defaultdict[str, list[Hole]] = defaultdict(list)
        absent: defaultdict[tuple[str, str], list[Interval]] = defaultdict(list)
        for row in report(self.planner(), self.ledger, wishes):
            for hole in row.holes:
                lacks = absent[hole.symbol, hole.table]
                own = hole.destination == LAKE or bool(hole.reason) or bool(subtract([hole.dates], lacks))
                if hole.destination == LAKE:
                    lacks.append(hole.dates)
                if own and hole.verdict is not Verdict.PENDING_UPSTREAM:
                    holes[hole.symbol].append(hole)
        return {symbol: _said(several) for symbol, several in holes.items()}

    def _unknown(self, wishes: Sequence[Wish], entries: Sequence[SymbolRegistry]) -> dict[str, str]:
        """Of those that never succeeded, or no longer do: whom the vendor does not know. To look costs reading."""
        doubtful = {entry.symbol for entry in entries if entry.last_backfill is None or entry.failures}
        narrowed = [replace(wish, symbols=tuple(one for one in wish.symbols if one in doubtful)) for wish in wishes]
        unknown = self.find_unknown([wish for wish in narrowed if wish.symbols])
        return {symbol: f"the vendor knows no ticker {symbol}: case matters" for symbol in unknown}

    def _rows(self, before: Sequence[tuple[Wish, Gaps]]) -> Mapping[str, int]:
        rows: defaultdict[str, int] = defaultdict(int)
        for wish, gaps in before:
            if gaps and wish.destination == LAKE:
                for symbol, count in self.count_rows(wish, gaps).items():
                    rows[symbol] += count
        return rows


def _said(holes: Sequence[Hole]) -> str:
    """What is missing, in a line: the first hole in full, the others counted."""
    first = holes[0]
    why = first.reason or (str(first.verdict) if first.verdict else "it has not come yet")
    more = f" (and {len(holes) - 1} more)" if holes[1:] else ""
    where = "" if first.destination == LAKE else f" in {first.destination}"
    return f"{first.table} {first.dates.start}..{first.dates.end} is missing{where}: {why}{more}"
