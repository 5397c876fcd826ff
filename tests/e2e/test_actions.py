"""Splits and dividends on the command line: what a sync brings, what is doubted, what a user says instead."""

from __future__ import annotations

import json

import pytest
from homes import END, START, Home
from shell import Shell

from forebay import Sandbox

BY_REST = ("--datasets", "stocks/bars_1d", "--tickers", "NVDA,MSFT", "--source", "rest", "--start", "2026-03-02")
LISTS = ["/stocks/v1/splits", "/stocks/v1/dividends"]
WRONG = [{"kind": "server_error", "path": "/stocks/v1/dividends"}]


def lists_asked(home: Home, since: int) -> list[str]:
    """The lists of actions that the vendor was asked for, from its request with that number on."""
    return [one.path for one in home.vendor.requests[since:] if one.path.startswith(("/stocks/v1", "/v3/reference/s"))]


def test_a_sync_brings_actions_once_a_day(home: Home, shell: Shell) -> None:
    """Bars are adjusted right after a sync; the second one asks for no list, `--no-actions` for none at all."""
    begun = len(home.vendor.requests)
    assert 0 == shell("sync", *BY_REST, "--no-actions").code
    assert [] == lists_asked(home, begun)
    said = shell("sync", *BY_REST)
    assert (0, LISTS) == (said.code, lists_asked(home, begun))
    assert "actions of 2 tickers since 2026-03-02" in said.err
    assert 0 == shell("sync", *BY_REST).code
    assert LISTS == lists_asked(home, begun)
    raw, adjusted = (json.loads(shell("bars", "NVDA", *how, "--json").out) for how in ((), ("--adjust", "splits")))
    assert {4.0} == {row["split_factor"] for row in adjusted}  # of 8 June
    assert [row["close"] / 4 for row in raw] == [row["close"] for row in adjusted]


def test_actions_are_listed_as_they_count(home: Home, shell: Shell) -> None:
    """`list` shows splits, dividends and names, in text and JSON; an unknown ticker is told."""
    shell("sync", *BY_REST)
    found = json.loads(shell("actions", "list", "NVDA", "--json").out)
    assert [(1.0, 4.0, True)] == [(row["split_from"], row["split_to"], row["counts"]) for row in found["splits"]]
    assert ["NVDA"] == [row["ticker"] for row in found["names"]]
    assert "2026-06-08" in shell("actions", "list", "NVDA").out
    assert "no actions of NVDa are known" in shell("actions", "list", "NVDa").err
    checked = shell("actions", "check")
    assert (0, "nothing to look at") == (checked.code, checked.out.splitlines()[-1])


@pytest.fixture
def broken(tmp_path, monkeypatch, capsys):
    """A shell whose vendor has a fault where its dividends are."""
    with Sandbox(start=START, end=END, tickers=32, faults=WRONG) as vendor:
        monkeypatch.chdir(tmp_path)
        yield Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"})


def test_a_sync_does_not_fail_for_its_actions(broken: Shell) -> None:
    """Dividends do not answer: the bars are held, the exit code says so, and a note says what is left to do."""
    said = broken("sync", *BY_REST)
    assert 0 == said.code
    assert "note: splits and dividends were not refreshed" in said.err
    broken.refuses("actions", "refresh", code=1, says="/stocks/v1/dividends", next_step="Try again later")


def test_overrides_are_checked_before_they_are_used(home: Home, shell: Shell) -> None:
    """A good file is printed; one with a slip is refused with its line, by the command and by whoever adjusts."""
    shell("sync", *BY_REST)
    assert "no overrides" in shell("actions", "overrides").out
    entry = '[[split]]\ndo = "drop"\nticker = "NVDA"\ndate = 2026-06-08\nwhy = "a test"\nby = "me, today"\n'
    file = home.folder / "data" / "lake" / "actions.toml"
    file.write_text(entry)
    assert "overrides: 1, well formed" in shell("actions", "overrides").out
    assert {1.0} == {
        row["split_factor"] for row in json.loads(shell("bars", "NVDA", "--adjust", "splits", "--json").out)
    }
    file.write_text(entry.replace('"drop"', '"drip"'))
    for command in (("actions", "overrides"), ("actions", "check"), ("bars", "NVDA", "--adjust", "splits")):
        shell.refuses(*command, says="actions.toml, line 2: unknown 'drip'", next_step="did you mean 'drop'")
    shell.refuses(
        "actions", "overrides", "nowhere.toml", says="nowhere.toml cannot be read", next_step="check the path"
    )


def test_without_a_key_or_bars_the_next_step_is_named(shell: Shell) -> None:
    """`refresh` wants a key and bars; `check` wants tables."""
    shell.refuses("actions", "refresh", code=1, says="no bars of stocks", next_step="forebay sync")
    shell.refuses("actions", "refresh", says="POLYGON_API_KEY", next_step="POLYGON_API_KEY", POLYGON_API_KEY="")
    shell.refuses("actions", "check", code=1, says="no corporate actions", next_step="forebay actions refresh")
