"""What was found out about gaps that stay: in the ledger, so that nobody asks the vendor for them night after night."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from forebay.clock import Clock
from forebay.ledger import Ledger
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE
from forebay.model.gap import Gap, Outcome
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source

_SETTLED_AFTER = timedelta(days=7)
"""The vendor corrects recent days: what it lacks of them is asked for again."""
_ASK_AGAIN = timedelta(days=1)
_OUTCOMES = {
    Verdict.KNOWN_EMPTY: Outcome.KNOWN_EMPTY,
    Verdict.MISSING_UPSTREAM: Outcome.MISSING_UPSTREAM,
}
NO_BARS = "the vendor answered that it has no minute bars there"
STORED = (Verdict.COMPLETE, Verdict.SUSPECT)
"""Verdicts of what has rows in the lake."""
_SYMBOLS = 500
"""In one question to the ledger."""


@dataclass(frozen=True, slots=True)
class GapBook:
    """Writes findings beside what is recorded as held, under a source of their own: they cover and replace nothing."""

    ledger: Ledger
    clock: Clock

    def record(self, dataset: Dataset, gaps: Iterable[Gap], revisions: dict[date, Revision]) -> None:
        """Keep why these gaps stay; of a day with a file in `revisions` until the vendor lists another one."""
        now = self.clock.now()
        self.ledger.coverage.record([_finding(dataset, gap, revisions.get(gap.day), now) for gap in gaps])

    def known(self, dataset: Dataset, gaps: Sequence[Gap]) -> Iterator[Gap]:
        """The same gaps, with what was found out about those that were tried before. Raises LedgerError."""
        if not gaps:
            return
        days = Interval(min(gap.day for gap in gaps), max(gap.day for gap in gaps))
        listed = self.ledger.listings.revisions(dataset.name, days.start, days.end)
        found = self._found(dataset, sorted({gap.symbol for gap in gaps}), days)
        for gap in gaps:
            row = found.get((gap.symbol, gap.day))
            noted = row.evidence.revision if row else None
            if row is None or (noted and listed.get(gap.day, noted) != noted):
                yield gap
            else:
                yield replace(gap, outcome=_OUTCOMES[row.verdict], reason=row.evidence.reason or NO_BARS)

    def files(self, dataset: Dataset, dates: Interval) -> dict[date, Coverage]:
        """What is recorded as stored from flat files, by session date."""
        rows = self._recorded(dataset, [ALL_SYMBOLS], dates, Source.FLATFILE, STORED)
        return {row.partition.day: row for row in rows}

    def by_rest(self, dataset: Dataset, symbols: Sequence[str] | None, dates: Interval) -> list[Coverage]:
        """What is recorded as brought by REST of some symbols or of all (None)."""
        return self._recorded(dataset, symbols, dates, Source.REST, (*STORED, Verdict.KNOWN_EMPTY))

    def empty(self, dataset: Dataset, symbols: Sequence[str], dates: Interval) -> set[tuple[str, date]]:
        """The symbols and days of which the vendor answered that it has no bars."""
        rows = self._recorded(dataset, symbols, dates, Source.REST, [Verdict.KNOWN_EMPTY])
        return {(row.partition.symbol, day) for row in rows for day in _days(row, dates)}

    def by_trades(self, dataset: Dataset, symbols: Sequence[str] | None, dates: Interval) -> set[tuple[str, date]]:
        """The symbols and sessions that were put right by trades: they have other rows than were brought."""
        rows = self._recorded(dataset, symbols, dates, Source.TRADES, STORED)
        return {(row.partition.symbol, row.partition.day) for row in rows}

    def _recorded(
        self,
        dataset: Dataset,
        symbols: Sequence[str] | None,
        dates: Interval,
        source: Source,
        verdicts: Collection[Verdict],
    ) -> list[Coverage]:
        parts = [None] if symbols is None else [symbols[at : at + _SYMBOLS] for at in range(0, len(symbols), _SYMBOLS)]
        find = partial(self.ledger.coverage.find, LAKE, dataset.table, dates=dates, limit=None)
        return [row for part in parts for row in find(symbols=part, verdicts=verdicts, sources=[source])]

    def _found(self, dataset: Dataset, symbols: Sequence[str], days: Interval) -> dict[tuple[str, date], Coverage]:
        now, found = self.clock.now(), dict[tuple[str, date], Coverage]()
        for first in range(0, len(symbols), _SYMBOLS):
            some = symbols[first : first + _SYMBOLS]
            rows = self.ledger.coverage.find(LAKE, dataset.table, some, days, verdicts=list(_OUTCOMES), limit=None)
            for row in rows:
                if row.expires_at is None or row.expires_at > now:
                    found |= {(row.partition.symbol, day): row for day in _days(row, days)}
        return found


def _days(row: Coverage, within: Interval) -> Iterator[date]:
    dates = row.partition.dates
    day, last = max(dates.start, within.start), min(dates.end, within.end)
    while day <= last:
        yield day
        day += timedelta(days=1)


def _finding(dataset: Dataset, gap: Gap, revision: Revision | None, now: datetime) -> Coverage:
    young = gap.day > (now - _SETTLED_AFTER).date()
    details = {"gap": gap.kind.value, "proof": gap.proof.value, "missing": gap.missing}
    return Coverage(
        Partition(dataset.table, gap.symbol, Interval(gap.day, gap.day)),
        LAKE,
        Source.LAKE,
        Verdict.MISSING_UPSTREAM,
        Evidence(revision=revision, reason=gap.reason, details=details),
        now,
        now + _ASK_AGAIN if young else None,
    )
