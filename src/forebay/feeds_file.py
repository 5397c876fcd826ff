"""`forebay.toml`: the feeds a user wishes to hold, read into `forebay.model.feed.Feed`, with errors that say where."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from forebay.errors import UsageError
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import DATASETS, LAKE_DATASETS, Dataset
from forebay.model.feed import DESTINATIONS, LAKE, Feed, SourceChoice, from_lake, is_destination
from forebay.model.timeframe import timeframes_named
from forebay.model.universe import Category

FEEDS_FILE = Path("forebay.toml")
"""Where feeds are looked for when no other file is named."""

_KEYS = ("name", "datasets", "symbols", "start", "end", "source", "into", "timeframes", "universe")
_ALL = "all"


def read_feeds(path: Path, now: datetime | None = None) -> list[Feed]:
    """The feeds of a `forebay.toml`, in its order.

    Raises UsageError, naming the file, the feed, the line where it can be found and the nearest right name, for a file
    that cannot be read, for any word it does not know, and for feeds that contradict themselves or each other; with
    `now`, for dates in the future too.
    """
    source = _Source(path, _read(path))
    tables = _parse(source)
    feeds = [_feed(source.feed(index), table) for index, table in enumerate(tables)]
    for index, feed in enumerate(feeds):
        if feed.name in {other.name for other in feeds[:index]}:
            raise source.feed(index).error(
                "name", f"two feeds are called {feed.name!r}", "Give each feed its own name."
            )
        if now is not None:
            _check_future(source.feed(index), feed, now)
    return feeds


def dataset_named(name: str) -> Dataset:
    """The dataset that a person calls `name`: catalogue name or lake table (`stocks/bars_1m`).

    Raises UsageError with the nearest names when there is none.
    """
    dataset = DATASETS.get(name) or LAKE_DATASETS.get(name)
    if dataset is None:
        known = [*LAKE_DATASETS, *DATASETS]
        raise UsageError(f"unknown dataset {name!r}", remedy=nearest(name, known))
    return dataset


def check_bars_for_files(datasets: Iterable[Dataset], destinations: Collection[str]) -> None:
    """Raise UsageError for a dataset that cannot be written ticker by ticker, where that is a destination."""
    for dataset in datasets:
        if any(map(from_lake, destinations)) and not dataset.by_rest:
            raise UsageError(
                f"{dataset.name} does not go into files of tickers: they hold day and minute bars, not of futures",
                remedy="Keep it in the lake, which holds every dataset, or name one of bars, such as stocks/bars_1m.",
            )


def check_dates(start: date | None, end: date | None, now: datetime) -> None:
    """Raise UsageError when dates are reversed, or after today's date in New York. `now` has a zone."""
    if start is not None and end is not None and end < start:
        raise UsageError(
            f"the dates are reversed: start {start} is after end {end}", remedy=f"Give --start {end} --end {start}."
        )
    for which, day in (("start", start), ("end", end)):
        if day is not None and (fault := _future(which, day, now)):
            raise UsageError(fault, remedy=_PAST[which])


_PAST = {
    "start": "Give a start date in the past.",
    "end": "Leave the end out: it then moves on with the newest complete session.",
}


def _future(which: str, day: date, now: datetime) -> str:
    """What is wrong with a day that has not come yet in New York; empty for others."""
    today = now.astimezone(NEW_YORK).date()
    return f"{which} {day} is in the future: today is {today} in New York" if day > today else ""


@dataclass(frozen=True, slots=True)
class _Source:
    """The file, and which of its feeds is being read: enough to say where an error is."""

    path: Path
    text: str
    index: int = -1

    def feed(self, index: int) -> _Source:
        return _Source(self.path, self.text, index)

    def error(self, key: str, what: str, remedy: str) -> UsageError:
        line = self._line(key)
        return UsageError(f"{self.path}{f', line {line}' if line else ''}: {what}", remedy=remedy)

    def _line(self, key: str) -> int | None:
        """The line of `key` in this feed's table, or of the table's head for a key that is not there."""
        feed, head = -1, None
        for number, line in enumerate(self.text.splitlines(), start=1):
            if re.match(r"\s*\[\[\s*feeds\s*\]\]", line):
                feed += 1
                head = number if feed == self.index else head
            elif feed == self.index and re.match(rf"""[\s\["']*{re.escape(key)}["'\s]*[]=.]""", line):
                return number
        return head


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}", remedy="`forebay init` writes a commented example.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", remedy="Name a file you may read.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8", remedy="Save it again as UTF-8.") from error


def _parse(source: _Source) -> list[dict[str, Any]]:
    try:
        document = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source.path} is not TOML: {error}", remedy="Correct that line.") from error
    for name in document:
        if name != "feeds":
            raise source.error(name, f"unknown table or key {name!r}", nearest(name, ["feeds"]))
    tables = document.get("feeds", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise source.error("feeds", "a feed is a table of its own", "Write [[feeds]], with two brackets.")
    return tables


def _feed(source: _Source, table: Mapping[str, Any]) -> Feed:
    for key in table:
        if key not in _KEYS:
            raise source.error(key, f"unknown key {key!r} in a feed", nearest(key, _KEYS))
    start, end = _date(source, table, "start"), _date(source, table, "end")
    if start is not None and end is not None and end < start:
        raise source.error("start", f"start {start} is after end {end}", "Swap the two dates.")
    datasets, destinations = _datasets(source, table), _destinations(source, table)
    try:
        check_bars_for_files(datasets, destinations)
    except UsageError as error:
        raise source.error("datasets", str(error), error.remedy) from error
    return Feed(
        name=_name(source, table),
        datasets=datasets,
        symbols=_symbols(source, table),
        start=start,
        end=end,
        source=_choice(source, table),
        destinations=destinations,
        timeframes=_timeframes(source, table, destinations),
        category=_category(source, table),
    )


def _check_future(source: _Source, feed: Feed, now: datetime) -> None:
    for which, day in (("start", feed.start), ("end", feed.end)):
        if day is not None and (fault := _future(which, day, now)):
            raise source.error(which, fault, _PAST[which])


def _name(source: _Source, table: Mapping[str, Any]) -> str:
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise source.error("name", "a feed needs a name", 'Add name = "..." to it.')
    return name.strip()


def _datasets(source: _Source, table: Mapping[str, Any]) -> tuple[Dataset, ...]:
    datasets: dict[str, Dataset] = {}
    for name in _texts(source, table, "datasets"):
        try:
            dataset = dataset_named(name)
        except UsageError as error:
            raise source.error("datasets", str(error), error.remedy) from error
        datasets[dataset.name] = dataset
    return tuple(datasets.values())


def _symbols(source: _Source, table: Mapping[str, Any]) -> tuple[str, ...] | None:
    if table.get("symbols", _ALL) == _ALL:
        return None
    return tuple(dict.fromkeys(_texts(source, table, "symbols", f'"{_ALL}" or ')))


def _category(source: _Source, table: Mapping[str, Any]) -> Category | None:
    """Whose tickers the feed follows. Options have none to follow: there are hundreds of thousands of contracts."""
    word = table.get("universe")
    known = [category for category in Category if category is not Category.OPTIONS]
    if word is None:
        return None
    if word not in known:
        raise source.error("universe", f"unknown universe {word!r}", nearest(str(word), known))
    if "symbols" in table:
        raise source.error("universe", "a feed names symbols or follows a universe, not both", "Take one of them out.")
    return Category(word)


def _choice(source: _Source, table: Mapping[str, Any]) -> SourceChoice:
    word = table.get("source", SourceChoice.AUTO)
    if word not in list(SourceChoice):
        raise source.error("source", f"unknown source {word!r}", nearest(str(word), list(SourceChoice)))
    return SourceChoice(word)


def _destinations(source: _Source, table: Mapping[str, Any]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(_texts(source, table, "into"))) if "into" in table else (LAKE,)
    for name in names:
        if not is_destination(name):
            raise source.error("into", f"unknown destination {name!r}", nearest(name, DESTINATIONS))
    return names


def _timeframes(source: _Source, table: Mapping[str, Any], destinations: Collection[str]) -> tuple[str, ...]:
    if "timeframes" not in table:
        return ()
    if not any(map(from_lake, destinations)):
        raise source.error("timeframes", "timeframes are of files, and the feed has none", 'Add into = ["files"].')
    try:
        return timeframes_named(_texts(source, table, "timeframes"))
    except UsageError as error:
        raise source.error("timeframes", str(error), error.remedy) from error


def _texts(source: _Source, table: Mapping[str, Any], key: str, also: str = "") -> list[str]:
    """A list of texts that are not empty; a list itself must not be empty either."""
    values = table.get(key)
    if not isinstance(values, list) or not values or not all(isinstance(one, str) and one.strip() for one in values):
        raise source.error(key, f"{key} must be a list of names in quotes", f'Write {key} = {also}["...", "..."].')
    return [value.strip() for value in values]


def _date(source: _Source, table: Mapping[str, Any], key: str) -> date | None:
    value = table.get(key)
    if value is None:
        return None
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, date) or isinstance(found, datetime):
        raise source.error(key, f"{key} = {value} is not a date", f"Write {key} = 2024-01-31 (year-month-day).")
    return found


def nearest(word: str, known: list[Any] | tuple[str, ...]) -> str:
    """A remedy for a wrong name: the right one that looks most like it, or all of them."""
    names = [str(name) for name in known]
    near = get_close_matches(word, names, n=1, cutoff=0.5)
    return f"Is {near[0]!r} meant?" if near else f"Known: {', '.join(names)}."
