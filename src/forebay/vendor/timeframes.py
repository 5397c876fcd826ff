"""Sizes of bars, as users write them, and the questions that ask the vendor for them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from urllib.parse import quote

from forebay.errors import UsageError
from forebay.model.calendar import NEW_YORK, day_start
from forebay.model.catalogue import BAR_DATASETS, Dataset, Kind
from forebay.model.instrument import asset_class_of

_TIMEFRAME = re.compile(r"([1-9]\d*)([smhd])")
_TIMESPANS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


def bar_dataset(ticker: str, timeframe: str) -> Dataset:
    """The dataset whose zone dates a ticker's bars: the day bars of its class for `1d`, the minute bars otherwise."""
    kind = Kind.BARS_1D if timeframe.endswith("d") else Kind.BARS_1M
    return BAR_DATASETS[f"{asset_class_of(ticker)}/{kind}"]


def range_path(ticker: str, timeframe: str, start: date, end: date) -> str:
    """The path that asks for bars of `ticker` from `start` to `end`, session dates, both included.

    `timeframe` is a number and `s`, `m`, `h` or `d`. Raises UsageError for anything else.
    """
    return _path(ticker, timeframe, *_bounds(bar_dataset(ticker, timeframe), start, end))


def moments_path(ticker: str, timeframe: str, first: datetime, last: datetime) -> str:
    """The same for bars that start from `first` to `last`, both included, to the millisecond."""
    return _path(ticker, timeframe, *(str(round(each.timestamp() * 1000)) for each in (first, last)))


def _path(ticker: str, timeframe: str, first: str, last: str) -> str:
    found = _TIMEFRAME.fullmatch(timeframe)
    if found is None:
        raise UsageError(f"{timeframe!r} is no timeframe", remedy="Write 1m, 5m, 15m, 1h or 1d.")
    multiplier, unit = found.groups()
    return f"/v2/aggs/ticker/{quote(ticker, safe=':')}/range/{multiplier}/{_TIMESPANS[unit]}/{first}/{last}"


def _bounds(dataset: Dataset, start: date, end: date) -> tuple[str, str]:
    """The vendor takes dates as Eastern ones; where a class's session dates are not, intraday bounds are instants."""
    if dataset.kind is Kind.BARS_1D or dataset.timezone == str(NEW_YORK):
        return start.isoformat(), end.isoformat()
    first, after = day_start(dataset, start), day_start(dataset, end + timedelta(days=1))
    return str(int(first.timestamp()) * 1000), str(int(after.timestamp()) * 1000 - 1)
