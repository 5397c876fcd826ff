"""Interruptions that are refilled together: what each of them wants, and what came of it for each."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.catalogue import Kind as Rows
from forebay.model.live import WILDCARD, Interruption, Noted
from forebay.vendor.stream.channels import CHANNELS, Kind

CHANGING = timedelta(minutes=15)
"""So long the vendor sends a bar again when a late trade changes it (vendor page on streaming, section 3)."""
OVERLAP = CHANGING + timedelta(minutes=1)
"""Asked for before an interruption, too: bars that were heard, and changed while nobody listened."""
SKEW = timedelta(seconds=5)
"""How far our clock may be behind the vendor's: what ended so soon after is asked for as well, and not before."""
LENGTHS = {Kind.MINUTES: timedelta(minutes=1), Kind.SECONDS: timedelta(seconds=1)}
"""Of the bars that REST has, minutes first."""

Window = tuple[datetime, datetime]


def together(over: Sequence[Noted]) -> list[list[Noted]]:
    """Those that are over, the oldest first; in one list whose refills overlap: a bar is asked for once."""
    groups: list[list[Noted]] = []
    last: datetime | None = None
    for noted in over:
        lost = noted.interruption
        assert lost.ended is not None, "it lasts"
        if last is None or lost.began - OVERLAP > last + SKEW:
            groups.append([])
            last = lost.ended
        groups[-1].append(noted)
        last = max(last, lost.ended)
    return groups


@dataclass(slots=True)
class Share:
    """One interruption's part of a refill. Not for several threads."""

    lost: Interruption
    symbols: int = 0
    bars: int = 0
    left: Counter[str] = field(default_factory=Counter)
    """Symbols whose bars nobody asked for, by the reason."""
    wanted: Mapping[Kind, set[str]] = field(init=False)
    """The symbols of each kind, or the wildcard."""

    def __post_init__(self) -> None:
        wanted: dict[Kind, set[str]] = {}
        for each in self.lost.subscriptions:
            wanted.setdefault(CHANNELS[self.lost.cluster][each.channel], set()).add(each.symbol)
        self.wanted = wanted

    @property
    def window(self) -> Window:
        """From the overlap before it to a little after its end."""
        assert self.lost.ended is not None, "it lasts"
        return self.lost.began - OVERLAP, self.lost.ended + SKEW

    def wants(self, kind: Kind, symbol: str) -> bool:
        """Whether it may lack bars of this symbol."""
        names = self.wanted.get(kind, set())
        return symbol in names or WILDCARD in names

    def count(self, kind: Kind, starts: Sequence[datetime]) -> None:
        """Count those bars of a symbol that it may have lacked; where they start, in order."""
        first, last = self.window
        self.bars += bisect_right(starts, last - LENGTHS[kind]) - bisect_left(starts, whole(first, LENGTHS[kind]))

    def evidence(self, calls: int, with_others: Sequence[int]) -> dict[str, Any]:
        """For the ledger. Calls are those of the whole refill; what is left comes with the days' flat files."""
        told: dict[str, Any] = {"calls": calls, "symbols": self.symbols, "bars": self.bars}
        if with_others:
            told["together_with"] = list(with_others)
        if self.left:
            days = (day.isoformat() for day in dates_of(self.lost))
            told |= {"left": dict(self.left), "left_to": f"the flat files of {', '.join(days)}"}
        missing = sorted(kind.value for kind in self.wanted if kind not in LENGTHS)
        return told | ({"not_refilled": missing} if missing else {})


def hulls(shares: Iterable[Share]) -> dict[Kind, dict[str, Window]]:
    """By kind of bar and by symbol, or the wildcard: from the first to the last moment that any share lacks."""
    found: dict[Kind, dict[str, Window]] = {}
    for share in shares:
        for kind in LENGTHS:
            windows = found.setdefault(kind, {})
            for symbol in share.wanted.get(kind, ()):
                windows[symbol] = hull(share.window, windows.get(symbol))
    return found


def hull(one: Window, other: Window | None) -> Window:
    """The least window that both are in."""
    return one if other is None else (min(one[0], other[0]), max(one[1], other[1]))


def whole(moment: datetime, length: timedelta) -> datetime:
    """The start of the window of this length that a moment is in."""
    return moment - timedelta(seconds=moment.timestamp() % length.total_seconds())


def dates_of(lost: Interruption) -> list[date]:
    """The session dates that one that is over touches."""
    dataset = BAR_DATASETS[f"{lost.cluster.asset_class}/{Rows.BARS_1M}"]
    assert lost.ended is not None, "it lasts"
    zone = ZoneInfo(dataset.timezone)
    return list(session_days(dataset.calendar, *(each.astimezone(zone).date() for each in (lost.began, lost.ended))))
