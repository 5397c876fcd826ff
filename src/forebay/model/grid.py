"""The coverage grid's nouns: how the sessions of a month or a day stand, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How a wanted session of a symbol stands, the least grave first."""

    COMPLETE = "complete"
    """Held, and every check passed."""
    KNOWN_EMPTY = "known_empty"
    """The vendor answered, and has no rows there."""
    PENDING_UPSTREAM = "pending_upstream"
    """Not published yet; no fault."""
    MISSING_UPSTREAM = "missing_upstream"
    """The vendor should have it by now, and does not."""
    MISSING = "missing"
    """Wanted, and not held; nobody has asked yet, or what was known has expired."""
    REPLACED = "replaced"
    """Held, and published anew by the vendor since."""
    FAILED = "failed"
    """A task tried to bring it and could not."""
    SUSPECT = "suspect"
    """Held or quarantined, with a check that failed."""
    DRIFT = "drift"
    """The ledger and the storage disagree: recorded and not there, or there and not recorded."""

    @property
    def held(self) -> bool:
        """Whether nothing is to be done for it."""
        return self in (Standing.COMPLETE, Standing.KNOWN_EMPTY)


_GRAVITY = {standing: place for place, standing in enumerate(Standing)}


@dataclass(frozen=True, slots=True)
class Cell:
    """Some sessions of one table, of one symbol or of all that are wanted."""

    wanted: int
    """Pairs of a symbol and a session date; `*` is one symbol."""
    counts: Mapping[Standing, int]
    """How many of them stand so; drift of what nobody wants is counted, too."""

    @property
    def held(self) -> int:
        """How many need nothing more."""
        return sum(count for standing, count in self.counts.items() if standing.held)

    @property
    def standing(self) -> Standing | None:
        """The gravest of them; None where nothing is wanted and nothing drifts."""
        found = [standing for standing, count in self.counts.items() if count]
        return max(found, key=_GRAVITY.__getitem__, default=None)
