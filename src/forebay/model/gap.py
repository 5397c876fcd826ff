"""A gap: a session of a symbol whose minute bars lack what was traded. A minute without a trade is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

_MINUTE = timedelta(minutes=1)


class GapKind(StrEnum):
    """How much of a session is missing."""

    DAY = "day"
    """No minute of it is held."""
    MINUTES = "minutes"
    """Some minutes are held and some that were traded are not."""


class Proof(StrEnum):
    """What tells a gap from quiet minutes, the strongest last."""

    COVERAGE = "coverage"
    """The session was never fetched, and no day bar is held that would say whether the symbol traded."""
    COUNT = "count"
    """The lake has fewer rows than REST brought of the symbol, or than the session's file did (then of `*`)."""
    DAY_BAR = "day bar"
    """Its day bar has trades that no minute has."""
    TRADES = "trades"
    """Trades that are held make minute bars that are not."""


class Outcome(StrEnum):
    """What became of a gap."""

    OPEN = "open"
    """Nothing was tried yet."""
    CLOSED = "closed"
    """Fetched again, and nothing lacks any more."""
    KNOWN_EMPTY = "known_empty"
    """The vendor answered that it has no bar there, against other evidence."""
    MISSING_UPSTREAM = "missing_upstream"
    """The vendor has no more of it than is held."""
    FAILED = "failed"
    """It could not be fetched."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One session of one symbol. Instants are UTC."""

    symbol: str
    """`*`: of which one is not known."""
    day: date
    kind: GapKind
    proof: Proof
    missing: int
    """Minute bars that lack, at least one: counted from trades or rows, else estimated by the symbol's other bars.

    None once the vendor has answered that there are none.
    """
    first: datetime
    """The longest silence of the session's regular hours in which they may lie: its first minute, and its last."""
    last: datetime
    evidence: str
    """A sentence for a person."""
    outcome: Outcome = Outcome.OPEN
    reason: str = ""
    """Why it stays, or is closed without a bar, where that was found out."""
    table: str = ""
    """Of which minute bars lack."""

    @property
    def duration(self) -> timedelta:
        """Of the silence."""
        return self.last - self.first + _MINUTE
