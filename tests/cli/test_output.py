from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from forebay.cli.output import print_json, print_table, tell


@dataclass(frozen=True)
class Held:
    """A row of some answer."""

    ticker: str
    day: date


def test_a_table_is_aligned(capsys):
    """Columns of numbers stand to the right with thousands told apart, others to the left; nothing is a dash."""
    print_table(("ticker", "rows", "note"), [("NA", 1_234_567, None), ("BRK.B", 8, "ok")])
    assert ["ticker       rows  note", "NA      1,234,567  -", "BRK.B           8  ok"] == (
        capsys.readouterr().out.splitlines()
    )


def test_a_row_is_a_line(capsys):
    """A reason of several lines, as libraries give them, does not tear the table apart."""
    print_table(("key", "error"), [("one", "no such\ndtype"), ("two", None)])
    assert ["key  error", "one  no such dtype", "two  -"] == capsys.readouterr().out.splitlines()


def test_a_table_without_rows_is_its_head(capsys):
    """Nothing to show still says what would be shown."""
    print_table(("ticker", "rows"), [])
    assert "ticker  rows\n" == capsys.readouterr().out


def test_json_of_our_values(capsys):
    """Dates, times, paths, sets and dataclasses have a JSON form; letters outside ASCII stay."""
    day, moment = date(2024, 1, 2), datetime(2024, 1, 2, 3, 4, tzinfo=UTC)
    print_json({"held": Held("Ä", day), "at": moment, "path": Path("a/b"), "set": {2, 1}})
    out = capsys.readouterr().out
    assert "Ä" in out
    assert {
        "held": {"ticker": "Ä", "day": "2024-01-02"},
        "at": "2024-01-02T03:04:00+00:00",
        "path": "a/b",
        "set": [1, 2],
    } == json.loads(out)


def test_json_of_anything_else_is_refused():
    """A value without a JSON form is an error, not its repr."""
    with pytest.raises(TypeError, match="object has no JSON form"):
        print_json({"x": object()})


def test_words_about_the_run_go_to_stderr(capsys):
    """What is not data stays out of stdout."""
    tell("3 files left")
    assert ("", "3 files left\n") == capsys.readouterr()
