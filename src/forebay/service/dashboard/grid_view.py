"""The coverage grid as pages show it: years of months, totals, and words for each cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

from forebay.model.feed import LAKE
from forebay.model.grid import Cell, Standing
from forebay.model.partition import ALL_SYMBOLS
from forebay.orchestration.grid.table import TableGrid

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LEGEND = tuple(Standing)
_THOUSAND, _MILLION = 1_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Box:
    """One cell of a page."""

    cell: Cell | None
    name: str
    """What it is about: `March 2026`."""
    path: str
    """Where it leads."""

    @property
    def standing(self) -> Standing | None:
        """How it stands; None where there is nothing to stand."""
        return self.cell.standing if self.cell else None

    @property
    def lacking(self) -> int:
        """Sessions that are not as they should be: wanted and not held, or adrift."""
        if self.cell is None:
            return 0
        return sum(count for standing, count in self.cell.counts.items() if not standing.held)

    @property
    def short(self) -> str:
        """That number, for little room."""
        count = self.lacking
        if count < _THOUSAND:
            return str(count) if count else ""
        return f"{count // _THOUSAND}k" if count < _MILLION else f"{count // _MILLION}M"

    @property
    def told(self) -> str:
        """All of it in words."""
        if self.cell is None or self.cell.standing is None:
            return f"{self.name}: nothing wanted"
        lacks = ", ".join(
            f"{count:,} {standing.replace('_', ' ')}"
            for standing, count in self.cell.counts.items()
            if not standing.held
        )
        return f"{self.name}: {self.cell.held:,} of {self.cell.wanted:,} held" + (f"; {lacks}" if lacks else "")


@dataclass(frozen=True, slots=True)
class Card:
    """A table's part of the first page."""

    grid: TableGrid
    path: str
    total: Cell
    years: Sequence[tuple[str, Sequence[Box]]]
    """Each year with its twelve boxes, the newest first."""

    @property
    def whose(self) -> str:
        """Of whom it is."""
        count = len(self.grid.wanted)
        if ALL_SYMBOLS in self.grid.wanted:
            return "the whole market" + (f" and {count - 1:,} symbols" if count > 1 else "")
        return f"{count:,} symbol" + ("s" if count > 1 else "")


def card_of(grid: TableGrid) -> Card:
    """A table's months, by years."""
    years = [
        (year, boxes_of(year, dict(months), lambda month: path_of(grid, month)))
        for year, months in groupby(grid.months.items(), key=lambda each: each[0][:4])
    ]
    return Card(grid, path_of(grid), total(grid.months.values()), years[::-1])


def boxes_of(year: str, months: Mapping[str, Cell], path: Callable[[str], str]) -> list[Box]:
    """Twelve boxes."""
    names = [f"{year}-{number:02}" for number in range(1, 13)]
    return [Box(months.get(name), date.fromisoformat(f"{name}-01").strftime("%B %Y"), path(name)) for name in names]


def total(cells: Iterable[Cell]) -> Cell:
    """All cells together."""
    wanted, counts = 0, Counter[Standing]()
    for cell in cells:
        wanted += cell.wanted
        counts.update(cell.counts)
    return Cell(wanted, counts)


def share(cell: Cell) -> str:
    """How much of it is held, never rounded up to all."""
    if not cell.wanted:
        return "\N{EN DASH}"
    percent = 100 * cell.held / cell.wanted
    return "100 %" if cell.held == cell.wanted else f"{min(percent, 99.9):.1f} %"


def path_of(grid: TableGrid, month: str = "", **words: object) -> str:
    """The address of a table's page, or of one of its months. Words that are empty are left out."""
    at = {"at": grid.destination} if grid.destination != LAKE else {}
    query = urlencode({name: str(word) for name, word in (at | words).items() if word})
    return f"/grid/{grid.table}" + (f"/{month}" if month else "") + (f"?{query}" if query else "")


def why_path(grid: TableGrid, start: date, end: date, symbol: str | None = None, **words: str) -> str:
    """The address that tells why a cell is as it is."""
    at = {"at": grid.destination} if grid.destination != LAKE else {}
    whose = {"symbol": symbol} if symbol else {}
    return f"/why?{urlencode({'table': grid.table, **whose, 'start': start, 'end': end, **at, **words})}"


def spelled(symbol: str | None) -> str:
    """A symbol for people."""
    return "every symbol" if symbol in (None, ALL_SYMBOLS) else str(symbol)
