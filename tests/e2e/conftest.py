"""A simulated vendor without faults, and a folder to keep its data in."""

from __future__ import annotations

import pytest
from homes import END, START, HastyClock, Home
from shell import HELD, Shell

from forebay import Sandbox


@pytest.fixture(scope="module")
def vendor():
    """A simulated vendor with every plan's data and no faults."""
    with Sandbox(start=START, end=END, tickers=32) as running:
        yield running


@pytest.fixture
def home(tmp_path, vendor):
    return Home(tmp_path, vendor)


@pytest.fixture
def clock():
    """What time commands find it to be: today, and waits cost none. Tests of a certain day have their own."""
    return HastyClock()


@pytest.fixture
def shell(home, clock, monkeypatch, capsys):
    """The command line, in an empty folder, pointed at the simulated vendor."""
    monkeypatch.chdir(home.folder)
    return Shell(monkeypatch, capsys, {**home.vendor.env, "FOREBAY_HOME": "data"}, clock)


@pytest.fixture
def kept(shell):
    """A shell whose lake holds three days; afterwards they must still be there, row for row."""
    assert 0 == shell("sync", *HELD).code
    sql = "select * from stocks.bars_1d where session_date <= '2026-03-04' order by all"
    before = shell("query", sql, "--json").out
    yield shell
    assert before == shell("query", sql, "--json").out
