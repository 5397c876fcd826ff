"""One table of the grid: everything wanted of it in one destination, against what is recorded and what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from forebay.ledger.grid import Mark, pieces
from forebay.model.catalogue import Dataset
from forebay.model.feed import ARCHIVE
from forebay.model.grid import Cell
from forebay.model.partition import ALL_SYMBOLS
from forebay.orchestration.grid.counting import (
    DRIFT,
    REPLACED,
    WANTED,
    Alike,
    Counts,
    Part,
    Tally,
    cell_of,
    resolved,
    standing,
    tally,
)
from forebay.orchestration.grid.sessions import Sessions, Span
from forebay.orchestration.grid.stored import StoredPlaces

_HELD = (Mark.ROWS.value, Mark.HELD.value)


@dataclass(frozen=True)
class Known:
    """What is known of a table."""

    texts: Mapping[str, str]
    """Symbol to what is recorded, see `GridBook.texts`; also of symbols that nobody wants."""
    failed: Mapping[str, str]
    """The same of what tasks could not bring."""
    replaced: frozenset[int] = frozenset()
    """Places of which the vendor has published the file anew."""
    stored: StoredPlaces | None = None
    """What the storage has; None where it was not asked, and nothing drifts."""


@dataclass(frozen=True)
class TableGrid:
    """Counts how its sessions stand, by month, day or symbol. Reads nothing more."""

    dataset: Dataset
    destination: str
    sessions: Sessions
    wanted: Mapping[str, tuple[Span, ...]]
    """Symbol (`*` is all) to the places that are wanted of it."""
    known: Known
    otc: frozenset[str] = frozenset()
    """Symbols that the whole market's files and answers do not hold."""
    by_feeds: bool = True
    """Whether feeds want it; else it is merely there."""
    _parts: dict[str, list[Part]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def table(self) -> str:
        """Its name."""
        return self.dataset.table

    @property
    def window(self) -> Span:
        """All of its places."""
        return 0, len(self.sessions.days) - 1

    @cached_property
    def months(self) -> dict[str, Cell]:
        """Each month's cell, in order."""
        counts = self.counts()
        return {month: counts.cell(span) for month, span in self.sessions.months}

    def counts(self, symbols: Iterable[str] | None = None, window: Span | None = None) -> Counts:
        """How sessions of `window` (all) stand, of these symbols (all that are wanted) together."""
        window = window or self.window
        groups: defaultdict[bool, list[Alike]] = defaultdict(list)
        for names, wanted, known in self._groups(self.wanted if symbols is None else symbols):
            groups[self._follows(names[0])].append(Alike(wanted, known, len(names)))
        parts = [standing(tally(some, window), self._market if follow else {}) for follow, some in groups.items()]
        return Counts.of(window, parts, self._unrecorded(window) if symbols is None else ())

    def by_symbol(self, window: Span, cut: str = "") -> list[tuple[str, Cell]]:
        """Each wanted symbol whose name begins with `cut`, and how its window stands: most to do first."""
        found: list[tuple[str, Cell]] = []
        shared = any(window[0] <= place <= window[1] for place in self._market)
        for names, wanted, known in self._groups(name for name in self.wanted if name.startswith(cut)):
            if shared and self._follows(names[0]):
                cell = self.counts(names[:1], window).cell(window)
            else:
                cell = cell_of(Alike(wanted, known, 1), window)
            found += [(name, cell) for name in names]
        return sorted(found, key=lambda each: (each[1].held - each[1].wanted, each[0].encode()))

    def _groups(self, symbols: Iterable[str]) -> Iterator[tuple[list[str], tuple[Span, ...], list[Part]]]:
        """Symbols of which the same is wanted and known, with that."""
        same: defaultdict[tuple[tuple[Span, ...], str, bool], list[str]] = defaultdict(list)
        for symbol in symbols:
            same[self.wanted[symbol], self._text(symbol), self._follows(symbol)].append(symbol)
        yield from ((names, wanted, self._read(names[0])) for (wanted, _, _), names in same.items())

    def _follows(self, symbol: str) -> bool:
        """Whether what holds the whole market holds it, too."""
        return symbol != ALL_SYMBOLS and symbol not in self.otc

    def _text(self, symbol: str) -> str:
        return self.known.texts.get(symbol, "") + self.known.failed.get(symbol, "")

    def _read(self, symbol: str) -> list[Part]:
        """What is known of a symbol, one mark for each place."""
        text = self._text(symbol)
        name = symbol if symbol == ALL_SYMBOLS else text
        if name not in self._parts:
            replaced = self.known.replaced if symbol == ALL_SYMBOLS else frozenset[int]()
            self._parts[name] = resolved(self._placed(text, replaced)) if text else []
        return self._parts[name]

    def _placed(self, text: str, replaced: frozenset[int]) -> Iterator[Part]:
        """The pieces of a text by their places, neighbours of one mark together: mostly days of the whole market."""
        stored, find = self.known.stored, self.sessions.place.get
        proven = _HELD if self.destination == ARCHIVE else _HELD[:1]  # an archive has a file even without a row
        open_first, open_last, open_mark = 0, -1, ""
        for start, end, told in pieces(text):
            first, last = find(start), find(end)
            if first is None or last is None:
                first, last = self.sessions.span(start, end)
                if first > last:
                    continue
            mark = REPLACED if first in replaced and told in _HELD else told
            if told in proven and stored is not None and stored.lost(first, last):
                mark = DRIFT
            if mark == open_mark and first == open_last + 1:
                open_last = last
                continue
            if open_mark:
                yield open_first, open_last, open_mark
            open_first, open_last, open_mark = first, last, mark
        if open_mark:
            yield open_first, open_last, open_mark

    @cached_property
    def _market(self) -> dict[int, str]:
        """The mark of the whole market at each place that has one."""
        parts = self._read(ALL_SYMBOLS)
        told = [part for part in parts if part[2] != Mark.PROVISIONAL]
        return {place: mark for first, last, mark in told for place in range(first, last + 1)}

    def _unrecorded(self, window: Span) -> list[int]:
        """Places that the storage has and the ledger does not know."""
        stored = self.known.stored
        if stored is None:
            return []
        alike = {text: symbol for symbol, text in self.known.texts.items()}
        spans = {part[:2] for symbol in alike.values() for part in self._read(symbol)}
        found = Tally(self.window)
        for each in spans:
            found.add(WANTED, each, 1)
        recorded = found.rows().get(WANTED, [0] * len(self.sessions.days))
        return [place for place in stored.places if window[0] <= place <= window[1] and not recorded[place]]
