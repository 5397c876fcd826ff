"""What a table held at one of its versions: its files, found by date and ticker without a look at all the others."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from forebay.lake.format.layout import FileName, parse_name, symbol_of
from forebay.model.instrument import encode_name
from forebay.model.intervals import Interval

ANY_DAY = Interval(date.min, date.max)
_OF_ANY = ("all", None)
"""Files of all symbols, and those whose names do not say."""


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A Parquet file of a table, as the log knows it."""

    path: str
    """Relative to the table."""
    size: int
    rows: int | None
    lowest: str | None
    """Its first and last ticker by their bytes; None where the log does not say."""
    highest: str | None
    name: FileName | None
    """None for a file that another program wrote: it may hold anything, in any order."""

    @classmethod
    def of(cls, path: str, size: int, rows: int | None, lowest: str | None, highest: str | None) -> LakeFile:
        """A file by what the log says of it."""
        return cls(path, size, rows, lowest, highest, parse_name(path))

    def may_hold(self, dates: Interval, tickers: Sequence[str] | None) -> bool:
        """Whether rows of these session dates and tickers (sorted; None: any) may be in it."""
        if tickers is not None and self.lowest is not None and self.highest is not None:
            place = bisect_left(tickers, self.lowest)
            if place == len(tickers) or tickers[place] > self.highest:
                return False
        return self.name is None or self.is_within(dates) or self.name.meets(dates)

    def is_within(self, dates: Interval) -> bool:
        """Whether all of its rows are of these session dates."""
        return self.name is not None and dates.start <= self.name.dates.start and self.name.dates.end <= dates.end


_Folder = Mapping[str | None, tuple[LakeFile, ...]]
"""The files of a partition by the symbol in their names, as it is spelled there."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A version of a table. Never changes: the next version is another one, which shares what stayed."""

    version: int
    _folders: Mapping[str, _Folder] = field(default_factory=dict)

    def after(self, version: int, added: Iterable[LakeFile], removed: Iterable[str]) -> Snapshot:
        """The version that a commit makes of this one: what it costs grows with the partitions that it touches."""
        changed: dict[str, dict[str | None, dict[str, LakeFile]]] = {}
        for path in removed:
            self._open(changed, path).pop(path, None)
        for file in added:
            self._open(changed, file.path)[file.path] = file
        folders = dict(self._folders)
        for folder, shelves in changed.items():
            fresh = {symbol: tuple(files.values()) for symbol, files in shelves.items()}
            folders[folder] = {**folders.get(folder, {}), **fresh}
        return Snapshot(version, folders)

    def files(self, dates: Interval | None = None, tickers: Iterable[str] | None = None) -> list[LakeFile]:
        """The files that may hold rows of these session dates and tickers (None: of any), in the order of rows."""
        wanted = None if tickers is None else sorted(tickers)
        inside = dates or ANY_DAY
        candidates = self._candidates(inside, wanted)
        found = [file for file in candidates if (dates is None and wanted is None) or file.may_hold(inside, wanted)]
        return sorted(found, key=_by_rows)

    def _candidates(self, dates: Interval, tickers: Sequence[str] | None) -> Iterator[LakeFile]:
        symbols = None if tickers is None else [*map(encode_name, tickers), *_OF_ANY]
        for name, folder in self._folders.items():
            if _meets(name, dates):
                for symbol in folder if symbols is None else symbols:
                    yield from folder.get(symbol, ())

    def _open(self, changed: dict[str, dict[str | None, dict[str, LakeFile]]], path: str) -> dict[str, LakeFile]:
        """The files beside `path`, as they will be."""
        folder, symbol = path.split("/", 1)[0], symbol_of(path)
        shelves = changed.setdefault(folder, {})
        if symbol not in shelves:
            shelves[symbol] = {file.path: file for file in self._folders.get(folder, {}).get(symbol, ())}
        return shelves[symbol]


def _meets(folder: str, dates: Interval) -> bool:
    """Whether a partition (`month=2024-03`, `year=2024`) may hold some of these session dates."""
    value = folder.partition("=")[2]
    return not value or dates.start.isoformat()[: len(value)] <= value <= dates.end.isoformat()[: len(value)]


def _by_rows(file: LakeFile) -> tuple[str, str, str]:
    first = file.name.dates.start.isoformat() if file.name else ""
    return first, file.lowest or "", file.path
