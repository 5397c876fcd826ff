"""How good a session of a table is: a score from 0 to 100, and the reasons why it is no higher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

PERFECT = 100
"""The score of a session that nothing is said against."""


class Check(StrEnum):
    """What may be wrong with a session."""

    DAMAGED = "damaged"
    """A file with rows of it cannot be read, or is not what was committed."""
    MISSING = "missing"
    """The calendar has the session, the table has no row of it."""
    LOST_ROWS = "lost_rows"
    """The lake has other rows of it than were recorded when it was stored."""
    DISORDER = "disorder"
    """Rows are not sorted, a key is there twice, or a row is where readers do not look for it."""
    BAD_ROWS = "bad_rows"
    """Rows that would not be let in today (--deep)."""
    VOLUME = "volume"
    """Minute bars and day bars tell of another volume or number of trades."""
    PRICES = "prices"
    """Minute bars and day bars tell of other prices."""
    CLOSING_MINUTE = "closing_minute"
    """Tickers lack the minute in which they closed."""
    ONE_SIDED = "one_sided"
    """Tickers that have minute bars and no day bar, or the other way round."""
    GROUPED = "grouped"
    """Day bars are not what the vendor's grouped daily answer says (--grouped)."""
    TRADES = "trades"
    """Bars are not what the held trades make."""
    BAND = "band"
    """Far more or fewer rows than the sessions before it have."""
    QUARANTINED = "quarantined"
    """Some of its rows failed a check and are kept apart."""
    SUSPECT = "suspect"
    """The ledger's verdict, for a reason that none of the above repeats."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a check takes off: `worst` points at a share of `full` or more, in proportion below it."""

    worst: int
    full: float = 0.0
    """Share of tickers or rows; 0: it always takes off `worst`."""


WEIGHTS: Mapping[Check, Weight] = MappingProxyType(
    {
        Check.DAMAGED: Weight(100),
        Check.MISSING: Weight(100),
        Check.LOST_ROWS: Weight(60),
        Check.DISORDER: Weight(60),
        Check.BAD_ROWS: Weight(60, 0.01),
        Check.VOLUME: Weight(40, 0.05),
        Check.PRICES: Weight(40, 0.05),
        Check.CLOSING_MINUTE: Weight(30, 0.02),
        Check.ONE_SIDED: Weight(30, 0.05),
        Check.GROUPED: Weight(40, 0.05),
        Check.TRADES: Weight(40, 0.05),
        Check.BAND: Weight(20),
        Check.QUARANTINED: Weight(30, 0.01),
        Check.SUSPECT: Weight(20),
    }
)
"""By check. A table that cannot be read or is not there is worth nothing; a wrong price weighs more than a lacking
minute; a row count out of its band is only a hint."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing said against a session."""

    check: Check
    text: str
    """A sentence for a person."""
    share: float = 1.0
    """Of the session's tickers (or rows) that it is about."""
    tickers: tuple[str, ...] = ()
    """Those that it is about, sorted; at most MOST_NAMED."""
    remedy: str = ""
    """The command that mends it."""
    known: str = ""
    """The name of the known defect of the vendor's that explains it."""
    tolerated: bool = False
    """So few that late reports may be the cause: said, but it takes nothing off."""

    @property
    def cost(self) -> int:
        """Points that it takes off; at least one, unless it is tolerated."""
        if self.tolerated:
            return 0
        weight = WEIGHTS[self.check]
        part = min(1.0, self.share / weight.full) if weight.full else 1.0
        return max(1, round(weight.worst * part))


MOST_NAMED = 100
"""Tickers that a reason keeps."""


def score(reasons: Iterable[Reason]) -> int:
    """100 less what every reason takes off, and never below 0."""
    return max(0, PERFECT - sum(reason.cost for reason in reasons))
