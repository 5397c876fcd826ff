"""Proof across tables: where a session is held as day and as minute bars, the two must agree on how it closed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from forebay.lake.reading.reader import Lake
from forebay.lake.verification.reconcile import lacking_close
from forebay.ledger import Ledger
from forebay.model.coverage import Coverage, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.orchestration.wanted import Wish

DAYS, MINUTES = "stocks/bars_1d", "stocks/bars_1m"
SUSPICIOUS_SHARE, SUSPICIOUS_COUNT = 0.002, 3
"""Late reports leave a few tickers apart on any day; a bad file of early 2025 left 40 of 10,000."""
_NAMED = 10
"""Tickers that a reason names."""
_MARK = "reconciled_with"
_ALL_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares what the lake holds and writes down what it found; a day is compared again when either file changes."""

    ledger: Ledger
    lake: Lake

    def due(self, wishes: Iterable[Wish]) -> list[tuple[Coverage, Coverage]]:
        """The sessions of `wishes` held from flat files in both tables and not compared yet: (days, minutes)."""
        spans = [wish.span for wish in wishes if wish.dataset.table in (DAYS, MINUTES)]
        if not spans:
            return []
        span = Interval(min(each.start for each in spans), max(each.end for each in spans))
        days, minutes = self._held(DAYS, span), self._held(MINUTES, span, Verdict.SUSPECT)
        return [(days[day], minutes[day]) for day in sorted(days.keys() & minutes) if _apart(days[day], minutes[day])]

    def pair(self, day: date) -> tuple[Coverage, Coverage] | None:
        """What `compare` takes for a session, compared before or not; None when it is not held from both files."""
        days, minutes = self._held(DAYS, Interval(day, day)), self._held(MINUTES, Interval(day, day), Verdict.SUSPECT)
        return (days[day], minutes[day]) if day in days and day in minutes else None

    def compare(self, days: Coverage, minutes: Coverage) -> Verdict:
        """Compare one session and record the verdict on its minute bars."""
        day = minutes.partition.day
        apart = lacking_close(self._rows("1m", day), self._rows("1d", day), day)
        traded = max(days.evidence.rows or 0, 1)
        suspect = is_suspicious(apart.height, traded)
        names = apart["ticker"].to_list()
        found: dict[str, Any] = {_MARK: _mark(days), "lacking_close": names[:100]}
        reason = (
            f"{apart.height} of {traded} tickers lack the minute in which they closed, such as "
            f"{', '.join(names[:_NAMED])}: their day bar closes at a price that no last minute reached"
        )
        evidence = replace(
            minutes.evidence, reason=reason if suspect else "", details={**minutes.evidence.details, **found}
        )
        verdict = Verdict.SUSPECT if suspect else Verdict.COMPLETE
        # Its time stays: the rows are those of then, and what was written from them is not out of date.
        self.ledger.coverage.record([replace(minutes, verdict=verdict, evidence=evidence)])
        return verdict

    def _held(self, table: str, span: Interval, *also: Verdict) -> dict[date, Coverage]:
        """The days held from flat files, and those that an earlier comparison found to be suspect if `also` says so."""
        verdicts = [Verdict.COMPLETE, *also]
        rows = self.ledger.coverage.find("lake", table, [ALL_SYMBOLS], span, verdicts=verdicts, limit=_ALL_ROWS)
        return {row.partition.day: row for row in rows if row.source is Source.FLATFILE and _comparable(row)}

    def _rows(self, timeframe: str, day: date) -> pl.DataFrame:
        columns = ("ticker", "window_start", "low", "high", "close")
        return self.lake.bars(None, timeframe, day, day, asset_class="stocks").select(columns).collect()


def is_suspicious(apart: int, tickers: int) -> bool:
    """Whether so many of a session's tickers without their closing minute are more than late reports leave."""
    return apart >= max(SUSPICIOUS_COUNT, SUSPICIOUS_SHARE * tickers)


def _comparable(row: Coverage) -> bool:
    return row.verdict is Verdict.COMPLETE or _MARK in row.evidence.details


def _apart(days: Coverage, minutes: Coverage) -> bool:
    return minutes.evidence.details.get(_MARK) != _mark(days)


def _mark(days: Coverage) -> str:
    """What the minutes were compared with: a later revision of the day bars is compared anew."""
    return days.evidence.revision.etag if days.evidence.revision else ""
