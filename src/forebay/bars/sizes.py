"""How long a bar is, and which window of a session date a moment is in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from forebay.errors import UsageError
from forebay.model.calendar import day_start, session
from forebay.model.catalogue import DATASETS

SECOND, MINUTE, DAY = 1_000_000_000, 60_000_000_000, 86_400_000_000_000
"""In nanoseconds."""
TRADES = DATASETS["us_stocks_sip/trades_v1"]
_UNITS = {"s": SECOND, "m": MINUTE, "h": 60 * MINUTE}
_WORD = re.compile(r"([1-9][0-9]{0,4})([smh])")


@dataclass(frozen=True, slots=True)
class BarSize:
    """`10s`, `1m`, `2h`, `1d`: windows of `length` ns that start at the session date's midnight in New York."""

    name: str
    length: int

    @property
    def is_day(self) -> bool:
        """Whether a bar is the whole session date."""
        return self.length == DAY

    @property
    def of_minutes(self) -> bool:
        """Whether it is made of minute bars, as the vendor makes its larger bars, and not of trades."""
        return not self.is_day and self.length > MINUTE and self.length % MINUTE == 0

    @property
    def base(self) -> BarSize:
        """What is built from trades for it."""
        return ONE_MINUTE if self.of_minutes else self


ONE_MINUTE, ONE_DAY = BarSize("1m", MINUTE), BarSize("1d", DAY)


def bar_size(word: str) -> BarSize:
    """A size as users write it. Raises UsageError unless a day is a whole number of such bars."""
    if word == ONE_DAY.name:
        return ONE_DAY
    found = _WORD.fullmatch(word)
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not length or DAY % length:
        raise UsageError(
            f"{word!r} is no size of a bar",
            remedy="write seconds, minutes or hours of which a day is a multiple, such as 1s, 10s, 1m, 2m, 1h; or 1d",
        )
    return BarSize(word, length)


@dataclass(frozen=True, slots=True)
class Hours:
    """A session date of US stocks in Unix ns: its midnights in New York, and its regular hours."""

    day: date
    midnight: int
    next_midnight: int
    regular_opens: int
    regular_closes: int

    @classmethod
    def on(cls, day: date) -> Hours:
        """The hours of a session. Raises UsageError when the exchanges were closed."""
        try:
            bounds = session(TRADES.calendar, day)
        except KeyError as error:
            raise UsageError(f"{day} is no trading day of US stocks", remedy="name a session date") from error
        moments = (
            day_start(TRADES, day),
            day_start(TRADES, day + timedelta(days=1)),
            bounds.regular_opens,
            bounds.regular_closes,
        )
        return cls(day, *(int(moment.timestamp()) * SECOND for moment in moments))
