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

FRACTIONS_FROM = date(2026, 2, 23)
"""Stocks trade in fractions of a share from this session on (flat files, section 3)."""
_FRACTIONS_FROM = (FRACTIONS_FROM - date(1970, 1, 1)).days

PRICE_UNIT = {
    AssetClass.STOCKS: 10_000,
    AssetClass.OPTIONS: 100,
    AssetClass.INDICES: 100,
    AssetClass.CRYPTO: 10_000,
    AssetClass.FOREX: 100_000,
}
"""Parts of a dollar in which a tape's prices are whole numbers, so that sums and bars are exact."""
SIZE_UNIT = 1_000_000
"""Parts of a share, contract or coin in which sizes are whole numbers."""

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_TIME_BITS = np.uint64(47)
"""A day in ns needs 47 bits; the cell's place goes above them, so that one sort orders both."""
_ROLE_MASK = np.int64(7)
"""The lowest bits of a time say what the print is; a tape's clock is not that fine."""
OPEN_PRINT, OFFICIAL_OPEN, CLOSE_PRINT, OFFICIAL_CLOSE, CORRECTED_CLOSE = range(1, 6)
_ROLE_PREFIX = {
    OFFICIAL_OPEN: rules.PREFIXES.index((rules.OFFICIAL_OPEN,)),
    OFFICIAL_CLOSE: rules.PREFIXES.index((rules.OFFICIAL_CLOSE,)),
    CORRECTED_CLOSE: rules.PREFIXES.index((rules.CORRECTED_CLOSE,)),
}
_USUAL_HOURS = {
    AssetClass.STOCKS: 16.0,
    AssetClass.OPTIONS: 6.5,
    AssetClass.INDICES: 6.5,
    AssetClass.CRYPTO: 24.0,
    AssetClass.FOREX: 24.0,
}
"""Length of a usual session; shorter ones (half days, a forex Sunday) have fewer trades."""
_AUCTIONS_FROM = 12.0
"""Names with fewer trades a day than this have no auction prints."""
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
        keep = self.time < moment
        columns = ("cell", "index", "time", "price", "size", "combination", "correction", "role")
        return replace(self, **{name: getattr(self, name)[keep] for name in columns})


def tape_of(asset_class: AssetClass, cells: Cells) -> Tape:
    """Every trade of `cells`, which are all of one asset class."""
    cell, index, time, role = _times(asset_class, cells)
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


def _times(asset_class: AssetClass, cells: Cells) -> tuple[Ints, Ints, Ints, Ints]:
    """(cell, index, time, role), sorted by cell, then time."""
    counts = _counts(asset_class, cells)
    cell = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    index = np.arange(len(cell)) - starts[cell]
    draws = uniform(cells.key[cell], index, 10)
    times = (_clock(cells, cell, draws) - cells.opens[cell]) & ~_ROLE_MASK
    if asset_class is AssetClass.STOCKS:
        _place_auctions(cells, cell, index, times)
    packed = np.sort((cell.astype(np.uint64) << _TIME_BITS) | times.astype(np.uint64))
    offset = (packed & np.uint64((1 << 47) - 1)).astype(np.int64)
    return cell, index, cells.opens[cell] + offset, offset & _ROLE_MASK


def _counts(asset_class: AssetClass, cells: Cells) -> Ints:
    """Trades of each cell: around the instrument's usual number, with busy days and, for quiet names, none."""
    zero = np.zeros(len(cells.key), np.int64)
    mood = 0.55 + 1.8 * uniform(cells.key, zero, 11) * uniform(cells.key, zero, 12)
    length = (cells.closes - cells.opens) / (_USUAL_HOURS[asset_class] * 3600.0 * _SECOND)
    drawn = np.floor(cells.trades * mood * length + uniform(cells.key, zero, 13)).astype(np.int64)
    late = np.where(cells.key % np.uint64(2) == 0, 3, 0) * cells.revision
    return drawn + late


def _clock(cells: Cells, cell: Ints, draws: Floats) -> Ints:
    """Times for uniform draws: 2% before the open, 3% after the close, a U shape between."""
    has_extended = (cells.closes > cells.regular_closes)[cell]
    before, after = np.where(has_extended, 0.02, 0.0), np.where(has_extended, 0.03, 0.0)
    inside = (draws - before) / (1.0 - before - after)
    middle = np.clip(inside, 0.0, 1.0)
    shaped = 0.6 * middle + 0.4 * np.sin(0.5 * np.pi * middle) ** 2
    opens, closes = cells.regular_opens[cell], cells.regular_closes[cell]
    time = opens + shaped * (closes - opens - 1024.0)
    early = np.clip(draws / np.maximum(before, 1e-9), 0.0, 1.0) ** 0.4 * (opens - cells.opens[cell] - 1024.0)
    late = np.clip((1.0 - draws) / np.maximum(after, 1e-9), 0.0, 1.0)
    time = np.where(inside < 0.0, cells.opens[cell] + early, time)
    last = closes + 1.2 * _SECOND + (1.0 - late) ** 2.5 * (cells.closes[cell] - closes - 2.0 * _SECOND)
    time = np.where(inside >= 1.0, last, time)
    return np.asarray(time, np.int64)


def _place_auctions(cells: Cells, cell: Ints, index: Ints, times: Ints) -> None:
    """Move the first trades of busy cells onto the auctions, and mark them by the lowest bits of their time."""
    busy = (cells.trades >= _AUCTIONS_FROM)[cell]
    jitter = uniform(cells.key[cell], index, 14)
    to_open = (cells.regular_opens - cells.opens)[cell]
    to_close = (cells.regular_closes - cells.opens)[cell]
    corrected = uniform(cells.key[cell], np.zeros_like(index), 15) < 0.08  # noqa: PLR2004 (one day in twelve)
    for role, start, seconds in (
        (OPEN_PRINT, to_open, 0.9),
        (OFFICIAL_OPEN, to_open + _SECOND, 0.5),
        (CLOSE_PRINT, to_close, 0.9),
        (OFFICIAL_CLOSE, to_close + _SECOND, 4.0),
        (CORRECTED_CLOSE, to_close + 600 * _SECOND, 900.0),
    ):
        chosen = busy & (index == role) & (corrected | (role != CORRECTED_CLOSE))
        moved = (start + (jitter * seconds * _SECOND).astype(np.int64)) & ~_ROLE_MASK
        times[chosen] = moved[chosen] + role


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
    fine = (spot < 1.0) | (uniform(keys, index, 17) < 0.04)  # noqa: PLR2004
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
    odd = (uniform(keys, index, 19) < 0.45) & (role == 0)  # noqa: PLR2004
    lots = 100 * (1 + (draw**8 * 30).astype(np.int64)) * np.where((role % 2 == 1) & (role > 0), 25, 1)
    size = np.where(odd, whole, lots) * SIZE_UNIT
    fraction = unit(spread(keys, index, 20))
    fractional = odd & (fraction < 0.3) & (cells.day[cell] >= _FRACTIONS_FROM)  # noqa: PLR2004
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
    prefix = np.where(draw < 0.34, 1, np.where(draw < 0.40, 2, 0))  # noqa: PLR2004
    rare = draw > 0.98  # noqa: PLR2004
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
    price[places] += np.where(kind == 2, np.maximum(price[places] // 100, 1), 0)  # noqa: PLR2004
    return correction
