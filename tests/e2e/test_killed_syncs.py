"""Killed at any moment, a sync that is run again ends where an undisturbed one does."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import closing
from datetime import date

import pytest
from homes import Home

from forebay import Sandbox
from forebay.app import App, new_worker_id
from forebay.clock import SystemClock
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed, SourceChoice
from forebay.model.task import TaskState
from forebay.orchestration.sync import carry_out
from forebay.settings import load
from forked import Forked

START, END = date(2026, 3, 2), date(2026, 3, 13)
KILLS = 20
TABLES = ("stocks/bars_1d", "stocks/bars_1m")
FILES = Feed("files", tuple(BAR_DATASETS[table] for table in TABLES), start=START, end=END)
REST = Feed("rest", (BAR_DATASETS["crypto/bars_1m"],), ("X:BTCUSD", "X:ETHUSD"), START, END, SourceChoice.REST)


@pytest.fixture(scope="module")
def vendor():
    with Sandbox(start=START, end=END, tickers=12) as running:
        yield running


def sync_in_child(home):
    return Forked(_sync, cwd=home.folder, env=home.env)


def _sync():
    app = App(load(), SystemClock(), new_worker_id())
    sys.stdout.write("begins\n")
    app.recover()
    prospect = app.outlook().look_ahead([FILES, REST])
    carry_out(prospect.plan, app.ledger, app.worker())
    app.close()


def digests(home):
    return [home.lake.digest(table) for table in (*TABLES, "crypto/bars_1m")]


@pytest.mark.timeout(240)
def test_twenty_kills_change_nothing(tmp_path, vendor):
    """SIGKILL at twenty moments, spread at random over the whole run: same digest, nothing stuck, no litter."""
    clean, shot = Home(tmp_path / "clean", vendor), Home(tmp_path / "shot", vendor)
    for home in (clean, shot):
        home.folder.mkdir()
    clean.sync(FILES, REST)
    rng = random.Random(20)
    for _ in range(KILLS):
        with sync_in_child(shot) as child:
            assert "begins\n" == child.stdout.readline()
            try:
                child.wait(rng.uniform(0.01, 0.4))
            except subprocess.TimeoutExpired:
                child.kill()
    status = shot.sync(FILES, REST)

    assert status.all_held
    assert digests(clean) == digests(shot)
    assert {TaskState.COMPLETED} == {state for state, count in status.tasks.items() if count}
    assert [] == shot.litter()


def test_whoever_finds_a_dead_worker_frees_its_tasks(tmp_path, vendor):
    """Also a process that works off no tasks, a stream that writes to the lake say: nobody else will hear of it."""
    home = Home(tmp_path, vendor)
    with home.app() as app:
        app.ledger.tasks.add(app.outlook().look_ahead([FILES]).plan.each())
        assert app.ledger.tasks.claim(app.worker_id)
        app.abandon()  # as a kill leaves it

    with closing(App(load(environ=home.env), SystemClock(), new_worker_id())) as writer:
        assert 1 == sum(count for state, count in writer.ledger.tasks.counts().items() if state.held)
        assert writer.tables
        assert 0 == sum(count for state, count in writer.ledger.tasks.counts().items() if state.held)
