"""Progress of a run: bars with the time left on a terminal, now and then a plain line anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import Lock
from types import TracebackType
from typing import Self, TextIO

from forebay.telemetry.board import Board, Row


def open_board(
    stream: TextIO | None = None,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    every: float = 10.0,
    bars: bool | None = None,
) -> Board:
    """A board on `stream` (stderr), with bars when that is a terminal.

    `every` is the least number of seconds between two plain lines of a row; `monotonic` tells seconds.
    """
    stream = sys.stderr if stream is None else stream
    if stream.isatty() if bars is None else bars:
        from forebay.telemetry.bars import BarBoard  # rich is slow to import

        return BarBoard(stream)
    return PlainBoard(stream, monotonic, every)


class PlainBoard:
    """Progress as lines of text, for pipes, files and CI."""

    def __init__(self, stream: TextIO, monotonic: Callable[[], float], every: float) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._every = every
        self._lock = Lock()
        self._rows: list[_PlainRow] = []

    def row(self, title: str, total: float, unit: str) -> Row:
        """See `Board`."""
        row = _PlainRow(self, title, total, unit, self._monotonic())
        with self._lock:
            self._rows.append(row)
        return row

    def changed(self, row: _PlainRow, amount: float, more: float, note: str) -> None:
        """Count, and write a line when the row's last one is old enough or the row is done."""
        with self._lock:
            row.done += amount
            row.total += more
            row.closed = row.closed and not more
            now = self._monotonic()
            if amount and not row.closed and (now - row.written >= self._every or row.done >= row.total):
                self._write(row, now, note)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            for row in self._rows:
                if not row.closed and row.done:
                    self._write(row, self._monotonic(), "")

    def _write(self, row: _PlainRow, now: float, note: str) -> None:
        row.written = now
        row.closed = row.done >= row.total
        print(row.line(now, note), file=self._stream, flush=True)


class _PlainRow:
    """One row of a `PlainBoard`; the board's lock guards it."""

    def __init__(self, board: PlainBoard, title: str, total: float, unit: str, now: float) -> None:
        self._board = board
        self._title = title
        self._unit = unit
        self._started = now
        self.total = total
        self.done = 0.0
        self.written = now
        self.closed = False

    def advance(self, amount: float = 1, note: str = "") -> None:
        self._board.changed(self, amount, 0, note)

    def grow(self, amount: float) -> None:
        self._board.changed(self, 0, amount, "")

    def line(self, now: float, note: str) -> str:
        """`us_stocks_sip/day_aggs_v1: 40 of 250 files (16%), 3:20 left  2024-03-07`."""
        percent = int(100 * self.done / self.total) if self.total else 100
        took = now - self._started
        left = took / self.done * (self.total - self.done) if self.done else 0
        when = f"{duration(left)} left" if self.done < self.total else f"done in {duration(took)}"
        text = f"{self._title}: {self.done:,.0f} of {self.total:,.0f} {self._unit} ({percent}%), {when}"
        return f"{text}  {note}" if note else text


def duration(seconds: float) -> str:
    """`0:07`, `3:20`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
