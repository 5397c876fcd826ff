"""What is held, with its evidence: the rows that the plan is subtracted by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from forebay.model.partition import Partition, Revision, Source


class Verdict(StrEnum):
    """What is known of a partition."""

    COMPLETE = "complete"
    """Held, and every check passed."""
    KNOWN_EMPTY = "known_empty"
    """The vendor answered, and has no rows there."""
    PENDING_UPSTREAM = "pending_upstream"
    """Not published yet; no fault."""
    MISSING_UPSTREAM = "missing_upstream"
    """The vendor should have it by now, and does not."""
    SUSPECT = "suspect"
    """Held or quarantined, with a check that failed."""

    @property
    def satisfies(self) -> bool:
        """Whether nothing more is to be done for it."""
        return self in (Verdict.COMPLETE, Verdict.KNOWN_EMPTY)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a verdict was given. What does not apply is None."""

    rows: int | None = None
    bytes: int | None = None
    """Bytes that came over the wire."""
    sha256: str | None = None
    """Of the bytes as the vendor sent them, hex."""
    revision: Revision | None = None
    reason: str = ""
    """One sentence for a person; empty when there is nothing to explain."""
    details: dict[str, Any] = field(default_factory=dict)
    """Counts by check, repaired defects and the like; JSON values only."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One row: this partition, at this destination, from this source, is so."""

    partition: Partition
    destination: str
    source: Source
    verdict: Verdict
    evidence: Evidence
    checked_at: datetime
    """UTC."""
    expires_at: datetime | None = None
    """UTC; from then on it covers nothing and may be asked again (negative results). None: it stays."""

    @property
    def rows_by_day(self) -> dict[date, int] | None:
        """Rows of each of its dates as they came, those without a row as 0; None where they were not counted."""
        noted = self.evidence.details.get(_BY_DAY)
        if noted is None:
            return None
        first, counts = date.fromisoformat(noted["first"]), noted["rows"]
        dates = self.partition.dates
        places = range((dates.start - first).days, (dates.end - first).days + 1)
        return {first + timedelta(days=each): counts[each] if 0 <= each < len(counts) else 0 for each in places}


_BY_DAY = "rows_by_day"


def counted_by_day(rows: Mapping[date, int]) -> dict[str, Any]:
    """Rows by date, as the details of evidence: a number for each date from the first on, for `rows_by_day`."""
    if not rows:
        return {_BY_DAY: {"first": date.min.isoformat(), "rows": []}}
    first, last = min(rows), max(rows)
    days = (first + timedelta(days=each) for each in range((last - first).days + 1))
    return {_BY_DAY: {"first": first.isoformat(), "rows": [rows.get(day, 0) for day in days]}}
