"""What a reader asks for, from how people write it: dates, tickers by asset class."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from forebay.errors import UsageError
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.intervals import Interval
from forebay.model.words import nearest

Day = str | date
"""`2024-01-31` or a date."""


def dates_between(start: Day | None, end: Day | None) -> Interval:
    """Session dates, both included; an open end is the first or last there can be. Raises UsageError."""
    first, last = as_day(start) or date.min, as_day(end) or date.max
    if last < first:
        raise UsageError(f"the dates are reversed: {first} is after {last}", remedy="swap start and end")
    return Interval(first, last)


def as_day(given: Day | None) -> date | None:
    """A date as it is, or from its text. Raises UsageError for another text, and for a moment: a session is a date."""
    if isinstance(given, datetime):
        raise UsageError(f"{given!r} is a moment, and session dates are asked for", remedy="give its date")
    if given is None or isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise UsageError(f"{given!r} is not a date", remedy="write dates as 2024-01-31") from error


def by_asset_class(tickers: str | Sequence[str] | None, asset_class: str | None) -> dict[AssetClass, list[str] | None]:
    """Tickers, each once and in byte order, by the class that their prefix says; None stands for all of a class.

    Raises UsageError for no tickers, for None without a class, and for an unknown class.
    """
    if tickers is None:
        return {_asset_class(asset_class): None}
    grouped: dict[AssetClass, list[str] | None] = {}
    for ticker in sorted({tickers} if isinstance(tickers, str) else set(tickers)):
        grouped[asset_class_of(ticker)] = [*(grouped.get(asset_class_of(ticker)) or []), ticker]
    if not grouped:
        raise UsageError("no tickers were given", remedy="name some, or pass None with asset_class='stocks' for all")
    return grouped


def _asset_class(name: str | None) -> AssetClass:
    if name is None:
        raise UsageError("tickers=None means all of an asset class", remedy="pass asset_class='stocks', for example")
    try:
        return AssetClass(name)
    except ValueError as error:
        raise UsageError(f"unknown asset class {name!r}", remedy=nearest(name, list(AssetClass))) from error
