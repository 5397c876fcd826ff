"""A session's trades, made once and kept: for a market of thousands, each of whose tickers is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from forebay.sandbox.cells import Cell, Cells
from forebay.sandbox.trades import Tape


@dataclass(frozen=True, slots=True)
class KeptDay:
    """The trades of every cell of one session up to a moment (ns)."""

    pieces: Sequence[Tape]
    until: int
    _places: dict[Cell, tuple[Tape, int]] = field(init=False)

    def __post_init__(self) -> None:
        places = {cell: (tape, place) for tape in self.pieces for place, cell in enumerate(tape.cells.cells)}
        object.__setattr__(self, "_places", places)

    def serves(self, cells: Sequence[Cell], until: int | None) -> bool:
        """Whether these are all of its cells, or one of them, and no later trade is wanted."""
        early = until is not None and until <= self.until
        return early and len(cells) in (1, len(self._places)) and cells[0] in self._places

    def of(self, cell: Cell, alone: Cells) -> Tape:
        """The trades of one cell; `alone` is that cell in arrays."""
        tape, place = self._places[cell]
        first, last = np.searchsorted(tape.cell, [place, place + 1])
        names = ("index", "time", "price", "size", "combination", "correction", "role")
        columns = {name: getattr(tape, name)[first:last] for name in names}
        return replace(tape, cells=alone, cell=np.zeros(last - first, np.int64), **columns)
