"""A cell is one instrument on one session date: the unit the market is computed in, and many at once as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache

import numpy as np

from forebay.model.calendar import Session, day_start, session
from forebay.model.catalogue import BAR_DATASETS, Kind
from forebay.model.instrument import AssetClass
from forebay.sandbox.instruments import Instrument
from forebay.sandbox.noise import Floats, Ints, Keys, key_of

CALENDARS = {
    AssetClass.STOCKS: "XNYS",
    AssetClass.OPTIONS: "XNYS",
    AssetClass.INDICES: "XNYS",
    AssetClass.CRYPTO: "24/7",
    AssetClass.FOREX: "forex",
    AssetClass.FUTURES: "CMES",
}
_TAPES = {"XNYS": 1, "XASE": 2, "ARCX": 2, "BATS": 2, "XNAS": 3}
_SPY_LIKE_HOURS = frozenset({AssetClass.OPTIONS, AssetClass.INDICES})
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One instrument on one session date, under the ticker it had then. `revision` is 0 until a fault republishes."""

    instrument: Instrument
    ticker: str
    day: date
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Cells:
    """The same as arrays, one element a cell. Times in ns UTC, prices in dollars (points, quote currency)."""

    cells: tuple[Cell, ...]
    key: Keys
    price_key: Keys
    """Of the instrument whose price moves it: for an option its underlying."""
    opens: Ints
    closes: Ints
    regular_opens: Ints
    regular_closes: Ints
    base: Floats
    """Usual price in the shares of that day."""
    trades: Floats
    tape: Ints
    revision: Ints
    day: Ints
    """Days since 1970-01-01."""


@lru_cache(maxsize=20_000)
def hours(asset_class: AssetClass, day: date) -> Session:
    """When the asset class trades on `day`. Options and indices keep the regular hours of New York."""
    found = session(CALENDARS[asset_class], day)
    if asset_class in _SPY_LIKE_HOURS:
        return Session(day, found.regular_opens, found.regular_closes, found.regular_opens, found.regular_closes)
    return found


def bar_start(asset_class: AssetClass, day: date) -> int:
    """The `window_start` (ns) of a day's bar: midnight in the class's zone, for futures 00:00 UTC of the trade date."""
    if asset_class is AssetClass.FUTURES:
        return nanos(datetime.combine(day, time(), UTC))
    return nanos(day_start(BAR_DATASETS[f"{asset_class}/{Kind.BARS_1D}"], day))


def nanos(moment: datetime) -> int:
    """A moment as Unix nanoseconds, exact to the microsecond."""
    return round(moment.timestamp() * _MICROSECONDS) * 1000


def cells_of(seed: int, cells: Sequence[Cell], underlyings: dict[str, Instrument]) -> Cells:
    """Put cells into arrays. `underlyings` finds, by id, the stock behind an option."""
    sessions = [hours(cell.instrument.asset_class, cell.day) for cell in cells]
    movers = [underlyings.get(cell.instrument.underlying, cell.instrument) for cell in cells]
    return Cells(
        tuple(cells),
        np.array([key_of(seed, cell.instrument.id, cell.day) for cell in cells], np.uint64),
        np.array([key_of(seed, "price", mover.id) for mover in movers], np.uint64),
        np.array([nanos(one.opens) for one in sessions], np.int64),
        np.array([nanos(one.closes) for one in sessions], np.int64),
        np.array([nanos(one.regular_opens) for one in sessions], np.int64),
        np.array([nanos(one.regular_closes) for one in sessions], np.int64),
        np.array([m.price * m.share_ratio(c.day, date.max) for m, c in zip(movers, cells, strict=True)], np.float64),
        np.array([cell.instrument.trades for cell in cells], np.float64),
        np.array([_TAPES.get(cell.instrument.venue, 0) for cell in cells], np.int64),
        np.array([cell.revision for cell in cells], np.int64),
        np.array([(cell.day - date(1970, 1, 1)).days for cell in cells], np.int64),
    )
