"""The tape: every trade of many cells at once, as arrays sorted by cell and time. Bars are built from nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from forebay.model.instrument import AssetClass
from forebay.sandbox import rules
from forebay.sandbox.cells import Cells
from forebay.sandbox.noise import Floats, Ints, Keys, spread, uniform, unit
from forebay.sandbox.prices import bounce, option_value, prices_at
from forebay.sandbox.schedule import (
    CLOSE_PRINT,
    CORRECTED_CLOSE,
    OFFICIAL_CLOSE,
    OFFICIAL_OPEN,
    OPEN_PRINT,
    trade_times,
)

FRACTIONS_FROM = date(2026, 2, 23)
"""Stocks trade in fractions of a share from this session on (flat files, section 3)."""
_FRACTIONS_FROM = (FRACTIONS_FROM - date(1970, 1, 1)).days

PRICE_UNIT = {
    AssetClass.STOCKS: 10_000,
    AssetClass.OPTIONS: 100,
    AssetClass.INDICES: 100,
    AssetClass.CRYPTO: 10_000,
    AssetClass.FOREX: 100_000,
    AssetClass.FUTURES: 1_000,
}
"""Parts of a dollar in which a tape's prices are whole numbers, so that sums and bars are exact."""
SIZE_UNIT = 1_000_000
"""Parts of a share, contract or coin in which sizes are whole numbers."""

_DAY = 86_400_000_000_000
_ROLE_PREFIX = {
    OFFICIAL_OPEN: rules.PREFIXES.index((rules.OFFICIAL_OPEN,)),
    OFFICIAL_CLOSE: rules.PREFIXES.index((rules.OFFICIAL_CLOSE,)),
    CORRECTED_CLOSE: rules.PREFIXES.index((rules.CORRECTED_CLOSE,)),
}
_FINE_PRINTS, _ODD_LOTS, _FRACTIONAL = 0.04, 0.45, 0.3
"""Shares of prints inside the spread, of odd lots, and of odd lots that are fractions (since there are any)."""
_SWEEPS, _EXEMPT_SWEEPS, _RARE = 0.34, 0.40, 0.02
"""Intermarket sweeps, up to where they are also trade-through exempt, and rare conditions: shares of trades."""
_CORRECTED = 2
"""Third of the kinds of pairs: cancelled, in error, corrected."""
_PAIRS = 0.002
"""Share of trades that are cancelled, voided or corrected later."""


@dataclass(frozen=True, slots=True)
class Tape:
    """Trades, sorted by cell and time. `index` is a trade's place in its cell."""

    asset_class: AssetClass
    cells: Cells
    cell: Ints
    index: Ints
    time: Ints
    """SIP time, ns UTC."""
    price: Ints
    """In `PRICE_UNIT` parts."""
    size: Ints
    """In `SIZE_UNIT` parts."""
    combination: Ints
    """Place in `rules.COMBINATIONS`; 0 where the asset class has no conditions that matter."""
    correction: Ints
    role: Ints

    def until(self, moment: int) -> Tape:
        """Only the trades before `moment` (ns)."""
        return self.only(self.time < moment)

    def only(self, keep: NDArray[np.bool_]) -> Tape:
        """Only the trades for which `keep` is true."""
        columns = ("cell", "index", "time", "price", "size", "combination", "correction", "role")
        return replace(self, **{name: getattr(self, name)[keep] for name in columns})


def tape_of(asset_class: AssetClass, cells: Cells, until: int | None = None) -> Tape:
    """Every trade of `cells`, which are all of one asset class.

    With `until` (ns) not those far beyond it: the ones before it, and one more of each cell, as a trade may be the
    first of a pair.
    """
    cell, index, time, role = trade_times(asset_class, cells)
    if until is not None:
        keep = time < until
        keep[1:] |= keep[:-1] & (cell[1:] == cell[:-1])
        cell, index, time, role = cell[keep], index[keep], time[keep], role[keep]
    keys = cells.key[cell]
    extended = (role == 0) & ((time < cells.regular_opens[cell]) | (time >= cells.regular_closes[cell]))
    price = _prices(asset_class, cells, keys, cell, index, time)
    size, odd = _sizes(asset_class, cells, keys, cell, index, role)
    if asset_class is AssetClass.STOCKS:
        combination = _combinations(cells, keys, cell, index, role, extended, odd)
        correction = _pair_corrections(keys, index, role, (price, size, combination))
    else:
        combination, correction = np.zeros_like(cell), np.zeros_like(cell)
    return Tape(asset_class, cells, cell, index, time, price, size, combination, correction, role)


def _prices(asset_class: AssetClass, cells: Cells, keys: Keys, cell: Ints, index: Ints, time: Ints) -> Ints:
    unit_of = PRICE_UNIT[asset_class]
    midnight = cells.day * _DAY
    spot = prices_at(cells.price_key, cells.base, cells.day, midnight, cell, time)
    if asset_class is AssetClass.OPTIONS:
        return np.maximum(np.rint(_option_prices(cells, cell, time, spot) * unit_of), 1).astype(np.int64)
    spot = spot * (1.0 + bounce(keys, index, 16))
    if asset_class is not AssetClass.STOCKS:
        return np.rint(spot * unit_of).astype(np.int64)
    # Stocks print in cents, below a dollar in hundredths of a cent; so do a few prints inside the spread.
    fine = (spot < 1.0) | (uniform(keys, index, 17) < _FINE_PRINTS)
    cents = np.maximum(np.rint(spot * 100), 1) * 100
    return np.where(fine, np.maximum(np.rint(spot * unit_of), 1), cents).astype(np.int64)


def _option_prices(cells: Cells, cell: Ints, time: Ints, spot: Floats) -> Floats:
    options = [one.instrument.option for one in cells.cells]
    strike = np.array([option.strike if option else 0.0 for option in options])
    is_call = np.array([option is not None and option.option_type == "call" for option in options], dtype=bool)
    ends = [(option.expiration - date(1970, 1, 1)).days + 1 if option else 0 for option in options]
    days_left = np.array(ends)[cell] - time / _DAY
    return option_value(spot, strike[cell], is_call[cell], days_left)


def _sizes(
    asset_class: AssetClass, cells: Cells, keys: Keys, cell: Ints, index: Ints, role: Ints
) -> tuple[Ints, NDArray[np.bool_]]:
    """Sizes in parts, and which are odd lots."""
    draw = uniform(keys, index, 18)
    whole = 1 + (draw * draw * 98).astype(np.int64)
    if asset_class is AssetClass.OPTIONS:
        whole = 1 + (draw**4 * 60).astype(np.int64)
    if asset_class in (AssetClass.FOREX, AssetClass.INDICES):
        whole = np.ones_like(cell)
    if asset_class is AssetClass.CRYPTO:
        return 1 + (draw**6 * 3 * SIZE_UNIT).astype(np.int64), np.zeros(len(cell), bool)
    if asset_class is not AssetClass.STOCKS:
        return whole * SIZE_UNIT, np.zeros(len(cell), bool)
    odd = (uniform(keys, index, 19) < _ODD_LOTS) & (role == 0)
    lots = 100 * (1 + (draw**8 * 30).astype(np.int64)) * np.where((role % 2 == 1) & (role > 0), 25, 1)
    size = np.where(odd, whole, lots) * SIZE_UNIT
    fraction = unit(spread(keys, index, 20))
    fractional = odd & (fraction < _FRACTIONAL) & (cells.day[cell] >= _FRACTIONS_FROM)
    return np.where(fractional, (size * np.maximum(fraction, 1e-6)).astype(np.int64) + 1, size), odd


def _combinations(
    cells: Cells,
    keys: Keys,
    cell: Ints,
    index: Ints,
    role: Ints,
    extended: NDArray[np.bool_],
    odd: NDArray[np.bool_],
) -> Ints:
    draw = uniform(keys, index, 21)
    prefix = np.where(draw < _SWEEPS, 1, np.where(draw < _EXEMPT_SWEEPS, 2, 0))
    rare = draw > 1.0 - _RARE
    pick = (uniform(keys, index, 22) * rules.RARE_COUNT).astype(np.int64)
    prefix = np.where(rare, rules.RARE_FIRST + pick, prefix)
    tape = cells.tape[cell]
    for number, found in rules.OPENING.items():
        prefix = np.where((role == OPEN_PRINT) & (tape == number), rules.PREFIXES.index(found), prefix)
    for number, found in rules.CLOSING.items():
        prefix = np.where((role == CLOSE_PRINT) & (tape == number), rules.PREFIXES.index(found), prefix)
    for which, place in _ROLE_PREFIX.items():
        prefix = np.where(role == which, place, prefix)
    combined: Ints = prefix * 4 + extended * 2 + odd
    return combined


def _pair_corrections(keys: Keys, index: Ints, role: Ints, values: tuple[Ints, ...]) -> Ints:
    """Make a few odd places the cancel (10), error (11) or correction (12) record of the trade before them.

    The pair shares its values; a correction record repeats the wrong price, a percent off. Changes `values` in place.
    """
    price = values[0]
    second = np.zeros(len(index), bool)
    draw = uniform(keys, index // 2, 23)
    second[1:] = (index[1:] % 2 == 1) & (role[1:] == 0) & (role[:-1] == 0) & (draw[1:] < _PAIRS)
    places = np.flatnonzero(second)
    for array in values:
        array[places] = array[places - 1]
    kind = (draw[places] / _PAIRS * 3).astype(np.int64)
    correction = np.zeros_like(index)
    correction[places] = np.array([10, 11, 12])[kind]
    correction[places - 1] = np.array([8, 7, 1])[kind]
    price[places] += np.where(kind == _CORRECTED, np.maximum(price[places] // 100, 1), 0)
    return correction
