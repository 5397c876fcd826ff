"""What a question asks for and the lake does not hold, and the command that fetches it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import date
from threading import Lock

from forebay.lake.reading.selecting import rows_as_stored
from forebay.lake.reading.tables import Selection
from forebay.model.calendar import session_days
from forebay.model.exchanges import LAST_YEAR
from forebay.model.instrument import PREFIX_OF, AssetClass, may_be_of
from forebay.model.intervals import Interval

_MOST_LOOKED_FOR = 20
"""Longer lists of tickers are not looked for: it would cost as much as reading them. `Lake.missing` does."""
_REMEMBERED = 4096


class NotHeld(UserWarning):
    """Nothing is held of what was asked for: the answer has no rows of it. Names the command that fetches it."""


class Missing:
    """Tells once per question and version what it misses. Safe in threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[object, tuple[str, ...]] = {}

    def warn(self, found: Sequence[Selection], stacklevel: int) -> None:
        """Warn with NotHeld of tickers, or of whole tables, without a row."""
        for each in found:
            if each.tickers is None and not each.files:
                warnings.warn(NotHeld(message(each, None)), stacklevel=stacklevel)
            elif each.tickers is not None and (absent := self._absent(each, each.tickers)):
                warnings.warn(NotHeld(message(each, absent)), stacklevel=stacklevel)

    def _absent(self, found: Selection, tickers: Sequence[str]) -> tuple[str, ...]:
        if found.files and len(tickers) > _MOST_LOOKED_FOR:
            return ()
        question = (found.dataset.table, found.version, tuple(tickers), found.dates)
        with self._lock:
            if question not in self._known:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[question] = tuple(absent(found))
            return self._known[question]


def absent(found: Selection) -> list[str]:
    """Which of a selection's tickers have no row in it; reads one column of what may hold them, at most."""
    wanted = found.tickers or ()
    if not found.files:
        return list(wanted)
    rows = rows_as_stored(found.home, found.dataset, found.files, found.dates, found.tickers).select("ticker")
    held = rows.head(1).collect() if len(wanted) == 1 else rows.unique().collect()
    return sorted(set(wanted) - set(held["ticker"]))


def message(found: Selection, tickers: Sequence[str] | None) -> str:
    """What is not held, and the command that fetches it. `tickers` None: nothing at all of the table."""
    if _without_session(found):
        first = f", of what is published from {found.dataset.first_date} on"
        return f"{found.dataset.table} has no session {_when(found.dates)}{first}: nothing is to be fetched"
    what = f"no {found.dataset.table} of {', '.join(tickers)}" if tickers else f"no {found.dataset.table} at all"
    asset_class = found.dataset.asset_class
    fitting = [each for each in tickers or () if may_be_of(each, asset_class)]
    hint = "tickers are case-sensitive" if len(fitting) == len(tickers or ()) else _spelling(asset_class)
    return f"{what} {_when(found.dates)} are held ({hint}); to fetch: {command(found, fitting)}"


def _spelling(asset_class: AssetClass) -> str:
    prefix = PREFIX_OF.get(asset_class)
    return f"tickers of {asset_class} begin with {prefix}" if prefix else f"tickers of {asset_class} have no prefix"


def _without_session(found: Selection) -> bool:
    """Whether the calendar says that there can be no rows: a weekend, a holiday, dates before the first file."""
    first, last = max(found.dates.start, found.dataset.first_date), found.dates.end
    return last.year <= LAST_YEAR and not session_days(found.dataset.calendar, first, last)


def command(found: Selection, tickers: Sequence[str] | None) -> str:
    """The `forebay sync` that fetches them; with none of the table's class whatever it has."""
    if not tickers or not found.dataset.by_rest:  # a file holds every ticker
        words = ["--datasets", found.dataset.table]
    else:
        words = ["--tickers", ",".join(tickers), "--timeframes", found.dataset.kind.removeprefix("bars_")]
    return " ".join(["forebay sync", *words, *_flags(found.dates)])


def _flags(dates: Interval) -> Iterator[str]:
    if dates.start != date.min:
        yield f"--start {dates.start}"
    if dates.end != date.max:
        yield f"--end {dates.end}"


def _when(dates: Interval) -> str:
    first = "the beginning" if dates.start == date.min else dates.start
    last = "the end" if dates.end == date.max else dates.end
    return f"from {first} to {last}"
