"""What is traded in the simulated market: instruments, the names they bore and when, their corporate actions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from forebay.model.instrument import AssetClass, OptionName


@dataclass(frozen=True, slots=True)
class Name:
    """A ticker with the session dates on which it was in use; `last` is None while it still is."""

    ticker: str
    first: date
    last: date | None = None

    def held_on(self, day: date) -> bool:
        """Whether the name was in use on `day`."""
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Split:
    """`split_from` old shares became `split_to` new ones before the open of `day`."""

    day: date
    split_from: int
    split_to: int

    @property
    def ratio(self) -> float:
        """New shares for one old share."""
        return self.split_to / self.split_from


@dataclass(frozen=True, slots=True)
class Dividend:
    """Cash for one share, in dollars, to whoever held it before `ex_day`."""

    ex_day: date
    cash: float


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument over its whole life. `id` never changes, its names may."""

    id: str
    asset_class: AssetClass
    names: tuple[Name, ...]
    title: str
    price: float
    """Its usual price in today's shares (indices: points, forex: quote currency)."""
    trades: float
    """Trades in a usual session."""
    kind: str = "CS"
    """The vendor's ticker type code."""
    venue: str = "XNAS"
    """MIC of its primary exchange; decides the tape."""
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    option: OptionName | None = None
    otc: bool = False
    """Traded over the counter: listed in a market of its own, in no flat file, in grouped days only if asked for."""
    underlying: str = ""
    """For an option, the `id` of the stock whose price moves it."""

    def ticker_on(self, day: date) -> str | None:
        """Its ticker on `day`, REST spelling; None before its listing and after its end."""
        return next((name.ticker for name in self.names if name.held_on(day)), None)

    @property
    def listed(self) -> date:
        """Its first session date."""
        return self.names[0].first

    @property
    def delisted(self) -> date | None:
        """Its last session date, when it has one."""
        return self.names[-1].last

    def share_ratio(self, day: date, until: date) -> float:
        """Shares on `until` for one share on `day`: the product of the splits after `day`, up to `until`."""
        ratio = 1.0
        for split in self.splits:
            if day < split.day <= until:
                ratio *= split.ratio
        return ratio
