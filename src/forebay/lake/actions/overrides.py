"""`actions.toml`: what a user knows better than the vendor, applied over its tables each time bars are adjusted.

Its words: docs/adjusting.md.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from forebay.errors import UsageError
from forebay.lake.home.home import Home
from forebay.model.words import nearest

OVERRIDES_FILE = "actions.toml"
"""In the lake's home, folder or bucket, so that every reader of the lake sees the same."""


class Do(StrEnum):
    """What an entry does to the vendor's rows of its ticker and day."""

    ADD = "add"
    """One more that the vendor does not list."""
    DROP = "drop"
    """They do not count."""
    REPLACE = "replace"
    """They do not count; this one does in their place."""
    CONFIRM = "confirm"
    """They count although they are doubted."""

    @property
    def brings(self) -> bool:
        """Whether the entry says what happened itself."""
        return self in (Do.ADD, Do.REPLACE)


@dataclass(frozen=True, slots=True)
class Override:
    """One entry. Of a split `old` shares became `new`; of a dividend `cash` left each share."""

    do: Do
    ticker: str
    day: date
    why: str
    by: str
    """Who signed it off, and when."""
    id: str | None = None
    old: float | None = None
    new: float | None = None
    cash: float | None = None
    close: float | None = None
    """The raw close before the ex-date, where the vendor's rows of the day have none."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """A file's entries, in its order."""

    splits: tuple[Override, ...] = ()
    dividends: tuple[Override, ...] = ()


_SAID = {"do": str, "ticker": str, "date": date, "why": str, "by": str, "id": str}
_NEEDED = ("do", "ticker", "date", "why", "by")
_NUMBERS = {"split": ("from", "to"), "dividend": ("cash", "close")}
_HEAD = re.compile(r"\s*\[\[\s*(split|dividend)\s*\]\]")


def overrides_of(home: Home) -> Overrides:
    """The entries in a lake's home; none when it has no such file. Raises UsageError as `parse_overrides`."""
    return parse_overrides(home.read(OVERRIDES_FILE) or b"", f"{home.uri}/{OVERRIDES_FILE}")


def parse_overrides(content: bytes, where: str) -> Overrides:
    """The entries of a file's content; `where` names the file in errors.

    Raises UsageError, with file and line, for what is not TOML, an unknown or missing word, a value of a wrong kind,
    and two entries about one thing.
    """
    try:
        text = content.decode()
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise UsageError(f"{where} is not UTF-8: {error}", remedy="save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}", remedy="correct that line") from error
    for word in tables:
        if word not in _NUMBERS:
            raise UsageError(f"{where}: unknown word {word!r}", remedy=nearest(word, list(_NUMBERS)))
    found = {kind: _entries(_Place(where, text, kind), tables.get(kind, [])) for kind in _NUMBERS}
    return Overrides(found["split"], found["dividend"])


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an entry stands: enough to say on which line an error is."""

    where: str
    text: str
    kind: str
    number: int = -1

    def error(self, word: str, what: str, remedy: str) -> UsageError:
        line = self._line(word)
        return UsageError(f"{self.where}{f', line {line}' if line else ''}: {what}", remedy=remedy)

    def _line(self, word: str) -> int | None:
        """The line of `word` in this entry; of the entry's head where it is not there."""
        count, head, inside = -1, None, False
        for number, line in enumerate(self.text.splitlines(), start=1):
            if found := _HEAD.match(line):
                count += found[1] == self.kind
                inside = found[1] == self.kind and count == self.number
                head = number if inside else head
            elif inside and re.match(rf"\s*[\"']?{re.escape(word)}[\"']?\s*=", line):
                return number
        return head


def _entries(place: _Place, tables: Any) -> tuple[Override, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise place.error("", f"{place.kind} is no list of entries", f"write [[{place.kind}]] above each")
    found: dict[object, Override] = {}
    for number, table in enumerate(tables):
        here = _Place(place.where, place.text, place.kind, number)
        entry = _entry(here, table)
        if _about(entry) in found:
            raise here.error("ticker", f"a second {place.kind} of {entry.ticker} on {entry.day}", "keep one of the two")
        found[_about(entry)] = entry
    return tuple(found.values())


def _about(entry: Override) -> object:
    """What no second entry may be about: the vendor's rows, or what is added to them."""
    added = (entry.old, entry.new, entry.cash) if entry.do is Do.ADD else None
    return entry.ticker, entry.day, entry.id, added


def _entry(here: _Place, table: Mapping[str, Any]) -> Override:
    numbers = _NUMBERS[here.kind]
    for word, value in table.items():
        if word not in _SAID and word not in numbers:
            raise here.error(word, f"unknown word {word!r}", nearest(word, [*_SAID, *numbers]))
        _check(here, word, value, numbers)
    for word in _NEEDED:
        if not table.get(word):
            raise here.error(word, f"a {here.kind} without {word!r}", f"add {word} = ...")
    if table["do"] not in list(Do):
        raise here.error("do", f"unknown {table['do']!r}", nearest(table["do"], list(Do)))
    do = Do(table["do"])
    _check_use(here, do, table)
    said = {"old": table.get("from"), "new": table.get("to"), "id": table.get("id")}
    amounts = {name: table.get(name) for name in ("cash", "close")}
    return Override(do, table["ticker"], table["date"], table["why"], table["by"], **said, **amounts)


def _check_use(here: _Place, do: Do, table: Mapping[str, Any]) -> None:
    """Each word of an entry must have a use for what it does, and none may be missing."""
    numbers = _NUMBERS[here.kind]
    for word in numbers:
        if word in table and not do.brings:
            raise here.error(word, f"{do} says nothing of {word!r}", "use replace, or take it out")
        if word not in table and do.brings and (do is Do.ADD or word != "close"):
            raise here.error("do", f"to {do} a {here.kind} takes {' and '.join(numbers)}", f"add {word} = ...")
    if do is Do.ADD and "id" in table:
        raise here.error("id", "what is added has no id of the vendor's", "take it out, or use replace")


def _check(here: _Place, word: str, value: Any, numbers: tuple[str, ...]) -> None:
    if word in numbers:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise here.error(word, f"{word} = {value!r} is no number above 0", f"correct {word}")
    elif not isinstance(value, _SAID[word]) or isinstance(value, datetime):
        form = "a date without quotes, such as 2024-06-10" if _SAID[word] is date else "text in quotes"
        raise here.error(word, f"{word} = {value!r} is not {form}", f"write {word} as {form}")
