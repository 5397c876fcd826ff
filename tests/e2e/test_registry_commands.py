"""`forebay registry`: the symbols that the service keeps, by hand and by file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def registry(shell):
    """The shell, with three symbols in the registry."""
    assert 0 == shell("registry", "add", "AAPL", "--strategy", "FLATPACK_SNAPSHOT_STREAM", "--start", "2026-03-02").code
    assert "2 added, 1 known already\n" == shell("registry", "add", "MSFT", "AAPL", "AAp").out
    return shell


def listed(shell, *flags) -> dict[str, dict]:
    return {entry["symbol"]: entry for entry in json.loads(shell("registry", "list", "--json", *flags).out)}


def test_symbols_are_added_changed_and_deleted(registry):
    """Each command does what it says, to the symbols named, in their spelling."""
    registry("registry", "strategy", "AAp", "snapshot")
    registry("registry", "status", "MSFT", "ERROR", "--error", "Rate limit exceeded")
    registry("registry", "disable", "AAPL")
    found = listed(registry)
    shown = registry("registry", "get", "AAPL").out
    table = registry("registry", "list", "--status", "error").out

    assert ["AAPL", "AAp", "MSFT"] == list(found)
    assert ("flatpack_snapshot_stream", "disabled") == (found["AAPL"]["strategy"], found["AAPL"]["status"])
    assert {"start": "2026-03-02"} == found["AAPL"]["metadata"]
    assert ("snapshot", "idle") == (found["AAp"]["strategy"], found["AAp"]["status"])
    assert "Rate limit exceeded" == found["MSFT"]["error_message"]
    assert "enabled: False\n" in shown
    assert 'metadata: {"start": "2026-03-02"}\n' in shown
    assert "Rate limit exceeded" in table
    assert "AAp" not in table

    assert ["AAp", "MSFT"] == list(listed(registry, "--enabled"))
    assert "AAPL: flatpack_snapshot_stream, idle\n" == registry("registry", "enable", "AAPL").out
    assert "deleted AAp\n" == registry("registry", "delete", "AAp").out
    assert ["AAPL", "MSFT"] == list(listed(registry))


@pytest.mark.parametrize("name", ["all.json", "all.csv"])
def test_an_exported_registry_is_imported_whole(registry, home, name):
    """Every field comes through the file; a second import adds nothing."""
    registry("registry", "status", "MSFT", "error", "--error", 'said "no", twice')
    before = listed(registry)
    assert f"3 symbols in {name}\n" == registry("registry", "export", name).out
    registry("registry", "delete", *before)

    assert "3 added, 0 known already\n" == registry("registry", "import", name).out
    assert "0 added, 3 known already\n" == registry("registry", "import", name).out
    after = listed(registry)
    for entry in [*before.values(), *after.values()]:
        del entry["updated_at"]
    assert before == after


def test_a_list_of_symbols_is_enough(shell, home):
    """A spreadsheet's column is imported, with the strategy that the flag says."""
    (home.folder / "my.csv").write_bytes(b"\xef\xbb\xbfsymbol,enabled\r\nNA,\r\n\r\nKO,no\r\n")

    assert "2 added, 0 known already\n" == shell("registry", "import", "my.csv", "--strategy", "flatpack_api").out
    found = listed(shell)
    assert {"NA": ("flatpack_api", True), "KO": ("flatpack_api", False)} == {
        symbol: (entry["strategy"], entry["enabled"]) for symbol, entry in found.items()
    }


@pytest.mark.parametrize(
    ("command", "says", "next_step"),
    [
        (("get", "aapl"), "aapl is not in the registry", "forebay registry add aapl"),
        (("disable", "AAPL", "ZZZ"), "ZZZ is not in the registry", "forebay registry add ZZZ"),
        (("delete", "AAPL", "ZZZ"), "ZZZ is not in the registry", "forebay registry add ZZZ"),
        (("add", "AAPL"), "AAPL is in the registry already", "forebay registry strategy AAPL"),
        (("add", "../x"), "'../x' is no symbol", "as the vendor does"),
        (("add", "KO", "--start", "2026-02-30"), "KO: its start cannot be '2026-02-30'", "2024-01-31"),
        (("add", "KO", "--timeframes", "5m"), "KO: its timeframes cannot be", "1m"),
        (("export", "all.xlsx"), "all.xlsx is neither .json nor .csv", "one of them"),
    ],
)
def test_what_cannot_be_done_is_refused(registry, command, says, next_step):
    """One error with the next step, and the registry is as it was."""
    before = listed(registry)

    registry.refuses("registry", *command, says=says, next_step=next_step)

    assert before == listed(registry)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("x.csv", "symbol,stratgy\nKO,stream\n", "x.csv, line 2: there is no 'stratgy' of a symbol"),
        ("x.csv", "Symbol,strategy\nKO,stream\n", "x.csv, line 1: no column is called symbol"),
        ("x.csv", "KO\nPEP\n", "x.csv, line 1: no column is called symbol"),
        ("x.CSV", "symbol,strategy\nKO,stream\nPEP,never\n", "x.CSV, line 3: its strategy cannot be 'never'"),
        ("x.csv", "symbol,strategy\nKO,stream\nPEP,sometimes\n", "x.csv, line 3: its strategy cannot be 'sometimes'"),
        ("x.csv", "symbol,enabled\nKO,perhaps\n", "x.csv, line 2: its enabled cannot be 'perhaps'"),
        ("x.csv", "symbol,metadata\nKO,{\n", "x.csv, line 2: its metadata is no JSON"),
        ("x.csv", "symbol,last_stream\nKO,2026-03-02\n", "x.csv, line 2: its last_stream cannot be '2026-03-02'"),
        ("x.csv", "symbol\n", "x.csv names no symbol"),
        ("x.csv", "symbol\nKO,PEP\n", "x.csv, line 2: there is no 'one cell too many'"),
        ("x.json", "{}", "x.json is no list"),
        ("x.json", "[7]", "x.json, entry 1 is no object"),
        ("x.json", '[{"symbol": "KO"}, {"strategy": "stream"}]', "x.json, entry 2: there is no symbol"),
        ("x.json", '[{"symbol": "KO", "failures": "many"}]', "x.json, entry 1: its failures is no JSON"),
        ("x.json", '[{"symbol": "KO"}, {"symbol": "K O"}]', "'K O' is no symbol"),
        ("x.json", "[", "x.json is no JSON"),
        ("y.csv", None, "y.csv cannot be read"),
    ],
)
def test_a_wrong_file_adds_nothing(shell, home, name, text, says):
    """The file and the place in it are named."""
    if text is not None:
        (home.folder / name).write_text(text)

    shell.refuses("registry", "import", name, says=says, next_step="")

    assert {} == listed(shell)


def test_init_makes_the_registry(shell, home):
    """The table is there before any symbol is, for programs that write SQL."""
    assert 0 == shell("init").code

    with closing(sqlite3.connect(home.folder / "data" / "download_tracker.db")) as database:
        database.execute("INSERT INTO symbol_registry (symbol, strategy) VALUES ('AAPL', 'FLATPACK')")
        database.commit()
    assert "flatpack" == listed(shell)["AAPL"]["strategy"]
