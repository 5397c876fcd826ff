"""What the vendor was asked of corporate actions, and when: rows of the coverage table."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from forebay.clock import Clock
from forebay.ledger import Ledger
from forebay.model.calendar import NEW_YORK
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source

DESTINATION = "actions"
FULL_AFTER = timedelta(days=30)
"""After this time every row is read again: what the vendor changed or withdrew of old ones comes to light."""
OVERLAP = timedelta(days=30)
"""Late rows come for days that were asked for before."""
_LISTS, _NAMES = "stocks/splits", "stocks/ticker_events"
_DAILY = timedelta(hours=20)
_EVER = Interval(date.min, date.max)


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the lists a row for each reading, of chains of tickers a row for each ticker; both in the ledger."""

    ledger: Ledger
    clock: Clock

    def asked_today(self) -> bool:
        """Whether the lists were read within the last day."""
        now = self.clock.now()
        return any(now - row.checked_at < _DAILY for row in self._readings())

    def since(self, first: date, scope: Collection[str], *, full: bool) -> tuple[date, bool]:
        """From which day on to read the lists for `scope` (none: the whole market), and whether that is all of them.

        `first` is the day before which no action matters.
        """
        now = self.clock.now()
        whole = [row for row in self._readings() if row.evidence.details["whole"]]
        recent = [row for row in whole if now - row.checked_at < FULL_AFTER and row.partition.dates.start <= first]
        if full or scope or not recent:
            return first, True
        newest = max(row.checked_at for row in self._readings())
        return max(first, newest.astimezone(NEW_YORK).date() - OVERLAP), False

    def remember_lists(self, since: date, rows: int, *, whole: bool) -> None:
        """The lists were read: of the whole market from `since` on, or else a part of them."""
        today = self.clock.now().astimezone(NEW_YORK).date()
        dates = Interval(min(since, today), today) if whole else Interval(today, today)
        self._record(Partition(_LISTS, ALL_SYMBOLS, dates), Evidence(rows=rows, details={"whole": whole}), None)

    def named(self) -> set[str]:
        """The tickers whose chain was asked for within the last month."""
        now = self.clock.now()
        rows = self.ledger.coverage.find(DESTINATION, _NAMES, limit=None)
        return {row.partition.symbol for row in rows if row.expires_at and row.expires_at > now}

    def remember_chain(self, ticker: str, names: int) -> None:
        """The vendor said which `names` the bearers of `ticker` had; 0: it knows nobody."""
        self._record(Partition(_NAMES, ticker, _EVER), Evidence(rows=names), self.clock.now() + FULL_AFTER)

    def _readings(self) -> Iterator[Coverage]:
        yield from self.ledger.coverage.find(DESTINATION, _LISTS, limit=None)

    def _record(self, partition: Partition, evidence: Evidence, expires_at: datetime | None) -> None:
        verdict = Verdict.COMPLETE if evidence.rows else Verdict.KNOWN_EMPTY
        row = Coverage(partition, DESTINATION, Source.REST, verdict, evidence, self.clock.now(), expires_at)
        self.ledger.coverage.record([row])
