from __future__ import annotations

import io
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from forebay.telemetry.progress import duration, open_board


class Seconds:
    """A clock of seconds that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


def lines(stream):
    return stream.getvalue().splitlines()


def test_plain_lines_now_and_then(seconds):
    """Away from a terminal a row writes a line every ten seconds and one at its end, with the time left."""
    stream = io.StringIO()
    with open_board(stream, monotonic=seconds) as board:
        row = board.row("stocks/bars_1d", 100, "files")
        for number in range(100):
            seconds.now += 0.25
            row.advance(note=f"file {number}")
    assert [
        "stocks/bars_1d: 40 of 100 files (40%), 0:15 left  file 39",
        "stocks/bars_1d: 80 of 100 files (80%), 0:05 left  file 79",
        "stocks/bars_1d: 100 of 100 files (100%), done in 0:25  file 99",
    ] == lines(stream)


def test_rows_are_told_apart(seconds):
    """Each row has a line and an end of its own; a row that nothing happened to is silent."""
    stream = io.StringIO()
    with open_board(stream, monotonic=seconds) as board:
        days, minutes, _ = (board.row(title, 2, "files") for title in ("days", "minutes", "idle"))
        seconds.now = 61
        days.advance(2)
        minutes.advance(1)
        minutes.grow(2)
        seconds.now = 80
    assert [
        "days: 2 of 2 files (100%), done in 1:01",
        "minutes: 1 of 2 files (50%), 1:01 left",
        "minutes: 1 of 4 files (25%), 4:00 left",
    ] == lines(stream)


def test_a_row_that_grows_after_its_end_goes_on(seconds):
    """Work that turns up late is counted and shown."""
    stream = io.StringIO()
    with open_board(stream, monotonic=seconds) as board:
        row = board.row("days", 1, "files")
        row.advance()
        row.grow(1)
        row.advance()
    assert ["days: 1 of 1 files (100%), done in 0:00", "days: 2 of 2 files (100%), done in 0:00"] == lines(stream)


def test_many_threads_count_right(seconds):
    """Rows may be advanced from any thread."""
    stream = io.StringIO()
    with open_board(stream, monotonic=seconds) as board, ThreadPoolExecutor(8) as pool:
        row = board.row("days", 4000, "files")
        list(pool.map(lambda _: [row.advance() for _ in range(500)], range(8)))
    assert ["days: 4,000 of 4,000 files (100%), done in 0:00"] == lines(stream)


def test_bars_on_a_terminal(monkeypatch):
    """On a terminal there are bars, and log lines on stderr are lifted above them, each on a line of its own."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", terminal)
    with open_board() as board:
        row = board.row("stocks/bars_1d", 1, "files")
        row.grow(3)
        sys.stderr.write("a log line\n")
        row.advance(4, "2024-03-07")
    shown = terminal.getvalue()
    assert [True] * 4 == [text in shown for text in ("a log line\n", "stocks/bars_1d", "4/4", "2024-03-07")]


@pytest.mark.parametrize(("seconds", "expected"), [(0, "0:00"), (59.6, "1:00"), (200, "3:20"), (3723, "1:02:03")])
def test_durations(seconds, expected):
    """Minutes and seconds, and hours where there are some."""
    assert expected == duration(seconds)
