"""The files of a table by partition and symbol, so that one symbol's are found without a look at all the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from forebay.lake.format.layout import symbol_of
from forebay.model.instrument import encode_name
from forebay.model.partition import ALL_SYMBOLS

_OF_ANY = ("all", None)
"""Files of all symbols, and those whose names do not say."""


class Shelf:
    """Paths relative to the table. Looking up one symbol costs as much as it has files."""

    def __init__(self) -> None:
        self._held: defaultdict[str, defaultdict[str | None, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))

    def change(self, added: Iterable[str], removed: Iterable[str]) -> None:
        """Take files away, and put others there."""
        for path in removed:
            self._place(path).pop(path, None)
        for path in added:
            self._place(path)[path] = None

    def partition(self, folder: str, symbol: str = ALL_SYMBOLS) -> list[str]:
        """The files of a partition (`month=2024-03`) that may have rows of `symbol`; `*`: all of them."""
        places = self._held[folder]
        asked = list(places) if symbol == ALL_SYMBOLS else [encode_name(symbol), *_OF_ANY]
        return [path for place in asked for path in places.get(place, ())]

    def paths(self) -> list[str]:
        """All files."""
        return [path for places in self._held.values() for place in places.values() for path in place]

    def __contains__(self, path: object) -> bool:
        return path in self._place(str(path))

    def _place(self, path: str) -> dict[str, None]:
        return self._held[path.split("/", 1)[0]][symbol_of(path)]
