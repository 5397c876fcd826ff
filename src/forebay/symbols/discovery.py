"""A discovery: which listings the vendor is asked for. As a task's key it carries everything that a worker needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from forebay.errors import UsageError
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.task import TaskDraft, TaskKind
from forebay.model.universe import Category
from forebay.symbols.categories import CATEGORIES

DESTINATION = "universe"
"""Of identify tasks and their coverage."""
_PREFIX = "reference"
_DATASET = "rest/reference"
_PRIORITY = 10_000_000
"""Somebody waits for the list before anything can be fetched: ahead of any day's data."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The listings of a category as of a date; what is empty or None does not narrow."""

    category: Category
    as_of: date
    limit: int | None = None
    """So many tickers, in byte order."""
    type: tuple[str, ...] = ()
    """The vendor's type codes, instead of the category's own."""
    exchange: str = ""
    """MIC."""
    search: str = ""
    """Words in ticker or name, as the vendor finds them."""
    delisted: bool = False
    """Those that have left, too; of options those that have expired."""
    underlying: tuple[str, ...] = ()
    expires_from: date | None = None
    expires_to: date | None = None
    out: str = ""
    """The universe file, where it is not the usual one."""

    def __post_init__(self) -> None:
        """Raises UsageError for what contradicts itself, and for option contracts without bounds."""
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"a limit of {self.limit} asks for nothing", remedy="leave --limit out to take everybody")
        if self.category is Category.OPTIONS:
            self._check_options()
        elif self.underlying or self.expires_from or self.expires_to:
            raise UsageError(
                f"{self.category} have no underlying and do not expire", remedy="these flags go with options alone"
            )

    def _check_options(self) -> None:
        if self.expires_from and self.expires_to and self.expires_to < self.expires_from:
            raise UsageError(
                f"the expiry window is reversed: {self.expires_from} is after {self.expires_to}",
                remedy="swap --expires-from and --expires-to",
            )
        if self.exchange or self.search or self.type:
            raise UsageError(
                "option contracts are not filtered by exchange, type or words", remedy="name --underlying instead"
            )
        bounded = self.underlying and (self.expires_from or not self.delisted)
        if not bounded and self.limit is None:
            raise UsageError(
                "there are hundreds of thousands of option contracts, and millions have expired: "
                "the vendor is not asked for all of them",
                remedy="name --underlying SPY, with --expires-from and --expires-to; or --limit",
            )

    @property
    def filtered(self) -> bool:
        """Whether it leaves out some of those who are listed, however high its limit."""
        return self.category is Category.OPTIONS or any((self.type, self.exchange, self.search))

    @property
    def types(self) -> tuple[str, ...]:
        """The types that the vendor is asked for; none: every type."""
        return self.type or CATEGORIES[self.category].types

    @property
    def key(self) -> str:
        """`reference/us_equities/2024-12-01?limit=100&type=CS`: what the worker reads back with `from_key`."""
        said = {name: value for name in _PARAMETERS if (value := getattr(self, name))}
        query = urlencode(dict(sorted((name, _texts(value)) for name, value in said.items())), doseq=True)
        return f"{_PREFIX}/{self.category}/{self.as_of}" + (f"?{query}" if query else "")

    @property
    def draft(self) -> TaskDraft:
        """The task that carries it out."""
        return TaskDraft(
            kind=TaskKind.IDENTIFY,
            key=self.key,
            dataset=_DATASET,
            partition=Partition(f"{_PREFIX}/{self.category}", ALL_SYMBOLS, Interval(self.as_of, self.as_of)),
            destination=DESTINATION,
            source=Source.REST,
            priority=_PRIORITY,
        )

    def path(self, usual: Path) -> Path:
        """Where its universe file goes: `usual`, unless it names another."""
        return Path(self.out) if self.out else usual


_PARAMETERS = tuple(field.name for field in fields(Discovery) if field.name not in ("category", "as_of"))


def from_key(key: str) -> Discovery:
    """The discovery whose key it is. Raises UsageError for a key that is none."""
    path, _, query = key.partition("?")
    try:
        prefix, category, as_of = path.split("/")
        said = parse_qs(query, strict_parsing=bool(query))
        found = {name: _READ.get(name, _word)(texts) for name, texts in said.items() if name in _PARAMETERS}
        if prefix == _PREFIX and len(found) == len(said):
            return Discovery(Category(category), date.fromisoformat(as_of), **found)
    except ValueError as error:
        raise _no_key(key) from error
    raise _no_key(key)


def _no_key(key: str) -> UsageError:
    return UsageError(
        f"{key!r} is no key of a discovery", remedy="it was made by another version of Forebay; cancel that task"
    )


def _texts(value: object) -> list[str]:
    if isinstance(value, tuple):
        return list(value)
    return ["1" if value is True else str(value)]


def _word(texts: list[str]) -> Any:
    return texts[-1]


_READ: Mapping[str, Callable[[list[str]], Any]] = {
    "limit": lambda texts: int(texts[-1]),
    "type": tuple,
    "delisted": lambda _: True,
    "underlying": tuple,
    "expires_from": lambda texts: date.fromisoformat(texts[-1]),
    "expires_to": lambda texts: date.fromisoformat(texts[-1]),
}
