"""What shows the progress of a run, whatever it looks like."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self


class Row(Protocol):
    """One line of the board, such as one dataset."""

    def advance(self, amount: float = 1, note: str = "") -> None:
        """`amount` more units are done; `note` says which. From any thread."""
        ...

    def grow(self, amount: float) -> None:
        """`amount` more units turned out to be there to do."""
        ...


class Board(Protocol):
    """The rows of a run. Use it in a `with`: leaving it writes the last state."""

    def row(self, title: str, total: float, unit: str) -> Row:
        """A new row: `total` units of `unit` (a plural: `files`) to do."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
