"""What a reader asks for, from how people write it: dates, tickers by dataset."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime

from forebay.errors import UsageError
from forebay.model.catalogue import LAKE_DATASETS, Dataset, Kind
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.intervals import Interval
from forebay.model.words import nearest

Day = str | date
"""`2024-01-31` or a date."""
_NAMING = "write one as 'AAPL', several as ['AAPL', 'MSFT']"


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
    except (TypeError, ValueError) as error:
        raise UsageError(f"{given!r} is not a date", remedy="write dates as 2024-01-31") from error


def by_dataset(
    kind: Kind, tickers: str | Sequence[str] | None, asset_class: str | None, held: Callable[[], Collection[str]]
) -> dict[Dataset, list[str] | None]:
    """Tickers, each once and in byte order, by the dataset that has their rows of `kind`; None stands for all of them.

    Their prefixes say which, unless `asset_class` does: a class, or what a table's name begins with (`futures_cme`).
    Of a class with several tables those `held` (their names) are meant. Raises UsageError for no tickers, for None
    without a class, for an unknown class, and for one that has no rows of the kind.
    """
    if tickers is None or asset_class is not None:
        names = None if tickers is None else names_of(tickers)
        return dict.fromkeys(_datasets(kind, asset_class, held), names)
    grouped: dict[AssetClass, list[str]] = {}
    for ticker in names_of(tickers):
        grouped.setdefault(asset_class_of(ticker), []).append(ticker)
    return {_datasets(kind, each, held)[0]: names for each, names in grouped.items()}


def names_of(tickers: str | Iterable[str]) -> list[str]:
    """Tickers, each once and in byte order. Raises UsageError for none, and for what is not the name of one."""
    try:
        names = {tickers} if isinstance(tickers, str) else set(tickers)
    except TypeError as error:
        raise UsageError(f"tickers={tickers!r} names no tickers", remedy=_NAMING) from error
    if not names:
        raise UsageError("no tickers were given", remedy="name some, or pass None with asset_class='stocks' for all")
    for each in names:
        if not isinstance(each, str) or not each:
            raise UsageError(f"{each!r} is no ticker", remedy=_NAMING)
    return sorted(names)


def _datasets(kind: Kind, name: str | None, held: Callable[[], Collection[str]]) -> list[Dataset]:
    if name is None:
        raise UsageError("tickers=None means all of an asset class", remedy="pass asset_class='stocks', for example")
    tables = {dataset.table.split("/")[0]: dataset for dataset in LAKE_DATASETS.values() if dataset.kind is kind}
    found = [dataset for word, dataset in tables.items() if name in (word, dataset.asset_class)]
    if not found:
        fault = f"no {kind} of {name} are published" if name in list(AssetClass) else f"unknown asset class {name!r}"
        raise UsageError(fault, remedy=nearest(name, list(tables)))
    if len(found) == 1:
        return found
    there = held()
    return [dataset for dataset in found if dataset.table in there] or found[:1]
