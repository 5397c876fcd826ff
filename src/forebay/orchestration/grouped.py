"""Day bars of many tickers: which days to take whole, by one call for the whole market, and what is left by ticker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from datetime import date

from forebay.model.catalogue import Dataset
from forebay.model.partition import ALL_SYMBOLS
from forebay.orchestration.gaps import Gaps, between, narrowed, shapes

GROUPED_TABLES = frozenset({"stocks/bars_1d", "crypto/bars_1d", "forex/bars_1d"})
"""What one grouped-daily call returns whole (REST page, section 2)."""


def grouped(
    dataset: Dataset,
    gaps: Gaps,
    otc: Collection[str] = (),
    today: date | None = None,
    avoid: AbstractSet[date] = frozenset(),
) -> Gaps:
    """The same gaps in the fewest calls: some days of `*`, and by symbol what is left of those that need other days.

    A symbol's days take one call however many they are, so that a day is worth a call of its own where it spares
    enough symbols theirs. `otc` tickers are in no grouped answer, and days in `avoid` are not taken whole. The current
    day is asked for apart.
    """
    if dataset.table not in GROUPED_TABLES or ALL_SYMBOLS in gaps:
        return gaps
    listed = {symbol: days for symbol, days in gaps.items() if symbol not in otc}
    past = narrowed(listed, lambda days: between(days, None, today))
    present = narrowed(listed, lambda days: between(days, today, None)) if today else {}
    whole = {*_worth_a_call(past, avoid), *_worth_a_call(present, avoid)}
    if not whole:
        return gaps
    left = narrowed(listed, lambda days: tuple(day for day in days if day not in whole))
    rest = {symbol: left.get(symbol, ()) if symbol in listed else days for symbol, days in gaps.items()}
    return {ALL_SYMBOLS: tuple(sorted(whole)), **{symbol: days for symbol, days in rest.items() if days}}


def _worth_a_call(gaps: Gaps, avoid: AbstractSet[date]) -> list[date]:
    """The days to take whole, so that days and symbols with other days are fewest together.

    Only the first days of one order are tried: those first that most symbols lack. A symbol is spared its call once
    the last of its days in that order is taken. Of equal sums the one with fewer whole days, which bring less.
    """
    lacking: Counter[date] = Counter()
    for days, symbols in shapes(gaps):
        lacking.update(dict.fromkeys(days, len(symbols)))
    order = sorted(lacking, key=lambda day: (-lacking[day], day))
    order = [day for day in order if day not in avoid] + [day for day in order if day in avoid]
    rank = {day: place for place, day in enumerate(order, start=1)}
    spared: Counter[int] = Counter()
    for days, symbols in shapes(gaps):
        spared[max(rank[day] for day in days)] += len(symbols)
    best = fewest = calls = 0
    for place in range(1, len(order) + 1 - len(avoid & lacking.keys())):
        calls += 1 - spared[place]
        if calls < fewest:
            best, fewest = place, calls
    return order[:best]
