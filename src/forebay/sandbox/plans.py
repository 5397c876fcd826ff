"""What each of the vendor's plans includes: its stocks plans, used for all classes (vendor README, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from forebay.errors import UsageError
from forebay.model.catalogue import BARS, Kind


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan's entitlements."""

    name: str
    years: int
    """History served, from today backwards; 0 means all of it."""
    delayed: bool
    """Market data come 15 minutes late, and REST says `DELAYED`."""
    end_of_day: bool
    """The current day is refused."""
    snapshots: bool
    trades: bool
    files: frozenset[Kind]
    """The kinds of flat files it may read; every plan may list."""
    calls_a_minute: int
    """0 means no limit."""

    def oldest(self, today: date) -> date:
        """The first date it serves on `today`."""
        return today - timedelta(days=365 * self.years + self.years // 4) if self.years else date.min


_BARS = frozenset(BARS)
PLANS: Mapping[str, Plan] = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan("basic", 2, False, True, False, False, frozenset(), 5),  # noqa: FBT003
            Plan("starter", 5, True, False, True, False, _BARS, 0),  # noqa: FBT003
            Plan("developer", 10, True, False, True, True, _BARS | {Kind.TRADES, Kind.VALUES}, 0),  # noqa: FBT003
            Plan("advanced", 0, False, False, True, True, frozenset(Kind), 0),  # noqa: FBT003
        )
    }
)


def plan_named(name: str) -> Plan:
    """The plan of that name. Raises UsageError for another."""
    if name not in PLANS:
        raise UsageError(f"there is no vendor plan {name!r}", remedy=f"Use one of: {', '.join(PLANS)}.")
    return PLANS[name]
