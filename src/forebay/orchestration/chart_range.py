"""Which bars a chart shows: session dates from a word for a range, and the sizes in which they are few enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from forebay.model.calendar import session_days
from forebay.model.catalogue import Dataset
from forebay.model.intervals import Interval

MOST = 400
"""Bars of a chart."""
SIZES: Mapping[str, int] = {
    **{f"{count}m": count for count in (1, 5, 15, 30)},
    **{f"{count}h": count * 60 for count in (1, 2, 4)},
}
"""Sizes that are made of minutes, and their minutes."""
DAY_SIZES: Mapping[str, int] = {"1d": 1, "1w": 5, "1M": 20, "1q": 60}
"""Sizes of whole sessions, and how many these are at least, holidays aside."""
_RANGES: Mapping[str, int | timedelta | None] = {
    "1D": 1,
    "5D": 5,
    "1M": timedelta(days=30),
    "3M": timedelta(days=91),
    "6M": timedelta(days=182),
    "1Y": timedelta(days=365),
    "5Y": timedelta(days=1826),
    "All": None,
}
RANGES = tuple(_RANGES)
_DAYS_ALONE = timedelta(days=45)
"""Longer ranges are shown in days or more, unless another size is asked for."""
_REGULAR, _EXTENDED, _ROUND_THE_CLOCK = 390, 960, 1440
"""Minutes of a session."""
_WITH_HOURS = "XNYS"


def dates_of(word: str, end: date, held: Interval, calendar: str) -> Interval:
    """The dates of a range that ends with `end`, no earlier than what is held. Raises KeyError for another word."""
    length = _RANGES[word]
    if length is None:
        start = held.start
    elif isinstance(length, timedelta):
        start = end - length
    else:
        sessions = session_days(calendar, end - timedelta(days=length + 14), end)
        start = sessions[-length] if len(sessions) >= length else end
    return Interval(min(max(start, held.start), end), end)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many bars of which size some sessions have at most."""

    dataset: Dataset
    dates: Interval
    regular: bool
    """Whether hours outside of the regular ones are left out."""

    @property
    def sessions(self) -> int:
        """Session dates of the calendar in it."""
        return len(session_days(self.dataset.calendar, self.dates.start, self.dates.end))

    @property
    def minutes(self) -> int:
        """Of one session."""
        if self.dataset.calendar != _WITH_HOURS:
            return _ROUND_THE_CLOCK
        return _REGULAR if self.regular else _EXTENDED

    def bars(self, size: str, sessions: int = 1) -> int:
        """Bars of `sessions` at most; 0 for a size that is none of ours."""
        if size in SIZES:
            return -(-self.minutes // SIZES[size]) * sessions
        return -(-sessions // DAY_SIZES[size]) if size in DAY_SIZES else 0

    def fit(self, *, minutes: bool, days: bool) -> tuple[str, ...]:
        """The sizes in which there are few enough, as far as such bars are held; the largest in any case."""
        held = [size for size in (*SIZES, *DAY_SIZES) if (minutes if size in SIZES else days)]
        return tuple(size for size in held if self.bars(size, self.sessions) <= MOST) or tuple(held[-1:])

    def usual(self, fitting: tuple[str, ...]) -> str:
        """The size that is shown where none is asked for: the finest, of a long range that of days. "" for none."""
        long = self.dates.end - self.dates.start > _DAYS_ALONE
        preferred = [size for size in fitting if not long or size in DAY_SIZES]
        return next(iter(preferred or fitting), "")
