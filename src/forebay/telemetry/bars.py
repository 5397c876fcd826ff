"""Progress bars on a terminal. Apart from `progress`, because rich is only worth its import there."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from forebay.telemetry.board import Row


class BarBoard:
    """A `forebay.telemetry.progress.Board` of bars; log lines on stderr are lifted above them."""

    def __init__(self, stream: TextIO) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}", markup=False),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=Console(file=stream),
            expand=True,
        )

    def row(self, title: str, total: float, unit: str) -> Row:
        """See `Board`."""
        return _BarRow(self._progress, self._progress.add_task(title, total=total, unit=unit, note=""))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class _BarRow:
    """One bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, amount: float = 1, note: str = "") -> None:
        self._progress.update(self._task, advance=amount, note=note)

    def grow(self, amount: float) -> None:
        for task in self._progress.tasks:
            if task.id == self._task:
                self._progress.update(self._task, total=(task.total or 0) + amount)
