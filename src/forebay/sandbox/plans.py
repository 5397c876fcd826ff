"""What each of the vendor's plans includes (vendor README, section 2): its stocks plans, used for REST of all classes.

Flat files follow the plan of the same name in their own class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from forebay.errors import UsageError
from forebay.model.catalogue import BARS, Dataset, Kind
from forebay.model.instrument import AssetClass


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
    """The kinds of stocks' flat files it may read; every plan may list."""
    calls_a_minute: int
    """0 means no limit."""

    def oldest(self, today: date) -> date:
        """The first date it serves on `today`."""
        return _years_before(today, self.years)

    def files_from(self, dataset: Dataset, today: date) -> date | None:
        """The first session date whose file it serves on `today`; None when it leaves the dataset out."""
        years, kinds = _OTHERS.get(dataset.asset_class, {}).get(self.name, (self.years, self.files))
        return _years_before(today, years) if dataset.kind in kinds else None


def _years_before(today: date, years: int) -> date:
    return today - timedelta(days=365 * years + years // 4) if years else date.min


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


_EVERY = frozenset(Kind)
_WHOLE = {"starter": (0, _EVERY), "developer": (0, _EVERY)}
_OTHERS: Mapping[AssetClass, Mapping[str, tuple[int, frozenset[Kind]]]] = MappingProxyType(
    {
        AssetClass.OPTIONS: {"starter": (2, _BARS), "developer": (4, _BARS | {Kind.TRADES})},
        AssetClass.FUTURES: {"starter": (2, _BARS), "developer": (5, _EVERY)},
        **dict.fromkeys((AssetClass.INDICES, AssetClass.CRYPTO, AssetClass.FOREX), _WHOLE),
    }
)
"""Years (0: all) and kinds of flat files where a class differs from stocks (vendor README, section 2)."""


def plan_named(name: str) -> Plan:
    """The plan of that name. Raises UsageError for another."""
    if name not in PLANS:
        raise UsageError(f"there is no vendor plan {name!r}", remedy=f"Use one of: {', '.join(PLANS)}.")
    return PLANS[name]
