"""When trades happen: how many in a cell, at which times, and which of them are the auctions' prints."""

from __future__ import annotations

import numpy as np

from forebay.model.instrument import AssetClass
from forebay.sandbox.cells import Cells
from forebay.sandbox.noise import Floats, Ints, uniform

_SECOND = 1_000_000_000
_TIME_BITS = np.uint64(47)
"""A day in ns needs 47 bits; the cell's place goes above them, so that one sort orders both."""
_TIME_MASK = np.uint64((1 << 47) - 1)
_ROLE_MASK = np.int64(7)
"""The lowest bits of a time say what the print is; a tape's clock is not that fine."""
OPEN_PRINT, OFFICIAL_OPEN, CLOSE_PRINT, OFFICIAL_CLOSE, CORRECTED_CLOSE = range(1, 6)
"""Roles of a print; 0 is any other trade."""
_USUAL_HOURS = {
    AssetClass.STOCKS: 16.0,
    AssetClass.OPTIONS: 6.5,
    AssetClass.INDICES: 6.5,
    AssetClass.CRYPTO: 24.0,
    AssetClass.FOREX: 24.0,
    AssetClass.FUTURES: 24.0,
}
"""Length of a usual session; shorter ones (half days, a forex Sunday) have fewer trades."""
_BEFORE_OPEN, _AFTER_CLOSE = 0.02, 0.03
"""Share of a day's trades outside the regular session, where there is an outside."""
_AUCTIONS_FROM = 12.0
"""Names with fewer trades a day than this have no auction prints."""
_CORRECTED_DAYS = 0.08
"""Share of days on which a corrected close is printed later."""


def trade_times(asset_class: AssetClass, cells: Cells) -> tuple[Ints, Ints, Ints, Ints]:
    """(cell, index in the cell, time in ns UTC, role) of every trade, sorted by cell, then time."""
    counts = _counts(asset_class, cells)
    cell = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    index = np.arange(len(cell)) - starts[cell]
    draws = uniform(cells.key[cell], index, 10)
    times = (_clock(cells, cell, draws) - cells.opens[cell]) & ~_ROLE_MASK
    if asset_class is AssetClass.STOCKS:
        _place_auctions(cells, cell, index, times)
    packed = np.sort((cell.astype(np.uint64) << _TIME_BITS) | times.astype(np.uint64))
    offset = (packed & _TIME_MASK).astype(np.int64)
    return cell, index, cells.opens[cell] + offset, offset & _ROLE_MASK


def _counts(asset_class: AssetClass, cells: Cells) -> Ints:
    """Trades of each cell: around the instrument's usual number, with busy days and, for quiet names, none."""
    zero = np.zeros(len(cells.key), np.int64)
    mood = 0.55 + 1.8 * uniform(cells.key, zero, 11) * uniform(cells.key, zero, 12)
    length = (cells.closes - cells.opens) / (_USUAL_HOURS[asset_class] * 3600.0 * _SECOND)
    drawn = np.floor(cells.trades * mood * length + uniform(cells.key, zero, 13)).astype(np.int64)
    crowd = asset_class in (AssetClass.STOCKS, AssetClass.OPTIONS)  # in a small class everyone has late trades
    late = np.where(cells.key % np.uint64(2 if crowd else 1) == 0, 3, 0) * cells.revision
    return drawn + late


def _clock(cells: Cells, cell: Ints, draws: Floats) -> Ints:
    """Times for uniform draws: a few before the open and after the close, a U shape between."""
    has_extended = (cells.closes > cells.regular_closes)[cell]
    before, after = np.where(has_extended, _BEFORE_OPEN, 0.0), np.where(has_extended, _AFTER_CLOSE, 0.0)
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
    first = np.flatnonzero(busy & (index >= OPEN_PRINT) & (index <= CORRECTED_CLOSE))
    cell, index = cell[first], index[first]
    jitter = uniform(cells.key[cell], index, 14)
    to_open = (cells.regular_opens - cells.opens)[cell]
    to_close = (cells.regular_closes - cells.opens)[cell]
    corrected = uniform(cells.key[cell], np.zeros_like(index), 15) < _CORRECTED_DAYS
    for role, start, seconds in (
        (OPEN_PRINT, to_open, 0.9),
        (OFFICIAL_OPEN, to_open + _SECOND, 0.5),
        (CLOSE_PRINT, to_close, 0.9),
        (OFFICIAL_CLOSE, to_close + _SECOND, 4.0),
        (CORRECTED_CLOSE, to_close + 600 * _SECOND, 900.0),
    ):
        chosen = (index == role) & (corrected | (role != CORRECTED_CLOSE))
        moved = (start + (jitter * seconds * _SECOND).astype(np.int64)) & ~_ROLE_MASK
        times[first[chosen]] = moved[chosen] + role
