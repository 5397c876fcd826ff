"""Which files of the archive a command is about: datasets by name, and dates named or from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from forebay.cli.wishes import check_dates_named
from forebay.errors import UsageError
from forebay.feeds_file import dataset_named
from forebay.model.catalogue import DATASETS, Dataset
from forebay.model.intervals import Interval


@dataclass(frozen=True, slots=True)
class Days:
    """Session dates: those named, or those of a span; all without either."""

    named: tuple[date, ...] = ()
    span: Interval | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing narrows them."""
        return not self.named and self.span is None

    @property
    def reach(self) -> Interval | None:
        """From the first to the last."""
        return Interval(self.named[0], self.named[-1]) if self.named else self.span

    def __contains__(self, day: date) -> bool:
        return not self.named or day in self.named


def days_asked(dates: Sequence[str] | None, start: date | None, end: date | None, now: datetime) -> Days:
    """What `--dates`, `--start` and `--end` say. Raises UsageError where they contradict each other."""
    if dates and (start or end):
        raise UsageError("--dates and --start or --end say different things", remedy="give the one or the other")
    return Days(named=tuple(check_dates_named(dates, now))) if dates else Days(span=span_asked(start, end))


def span_asked(start: date | None, end: date | None) -> Interval | None:
    """What `--start` and `--end` say; None without either. Raises UsageError when they are reversed."""
    if start and end and end < start:
        raise UsageError(f"the dates are reversed: start {start} is after end {end}", remedy="swap them")
    return Interval(start or date.min, end or date.max) if start or end else None


def datasets_asked(names: Sequence[str] | None) -> list[Dataset]:
    """The named datasets, each once; all without names. Raises UsageError."""
    return list(dict.fromkeys(dataset_named(name) for name in names)) if names else list(DATASETS.values())
