"""Repairs of gaps that are killed at each step or run beside each other: each gap closed once, nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from datetime import date

import polars as pl
import pytest
from homes import Home
from spoiling import a_vendor

from forebay.app.gaps import find_gaps, gap_repair, gap_scan, repair_gaps, scopes
from forebay.app.quality import not_completed
from forebay.model.catalogue import BAR_DATASETS, DATASETS
from forebay.model.coverage import Verdict
from forebay.model.feed import Feed, SourceChoice
from forebay.model.gap import Outcome
from forebay.model.intervals import Interval
from forebay.orchestration.chunks import fetch_draft

TABLE = "stocks/bars_1m"
MINUTES = BAR_DATASETS[TABLE]
START, END = date(2025, 11, 3), date(2025, 11, 14)
DAYS = tuple(date(2025, 11, day) for day in (5, 7, 12))
BY_REST = {"POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}
SEARCH = ("--start", str(START), "--end", str(END))
CHILD = """
import os, sys
import deltalake, polars
import forebay.app, forebay.app.gaps, forebay.cli.gaps, forebay.lake.writing.table, forebay.vendor.rest
from forebay import failpoints
from forebay.cli.main import main

def run(point):
    failpoints._armed = point
    sys.stdout = sys.stderr
    os._exit(int(main(sys.argv[2:])))

for points in sys.argv[1].split(","):
    running = [os.fork() or run(point) for point in points.split("+")]
    print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in running), flush=True)
"""
"""Runs a command once for each failpoint, each in a process of its own that need not start anew; `+`: together."""


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    with a_vendor(tmp_path_factory.mktemp("own"), DATASETS["us_stocks_sip/minute_aggs_v1"], START, END, 8) as running:
        yield running


@pytest.fixture
def home(tmp_path, vendor):
    return Home(tmp_path, vendor.sandbox)


def ends(home: Home, points: str, *command: str, **env: str) -> list[str]:
    """How the processes ended, a line for each step."""
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, points, *command],
        cwd=home.folder,
        env={**home.env, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ran.stdout.splitlines()


def lose_a_minute(home: Home, day: date, tickers: list[str]) -> None:
    """Take the last bar of each ticker's session out of the lake behind the ledger's back."""
    with home.app() as app:
        seen = app.lake.bars(tickers, "1m", day, day).collect()
        gone = seen.group_by("ticker").agg(pl.col("window_start").last())
        app.tables.patch_day(app.tables.stage([seen.clear()], MINUTES, "lost"), day, tickers, gone, seen)


def by_rest(home: Home, vendor) -> str:
    """A symbol whose minute bars came by REST and lost one on each of DAYS."""
    name = vendor.truth(START)["ticker"].unique().sort()[0]
    home.sync(Feed("one", (MINUTES,), (name,), START, END, SourceChoice.REST), **BY_REST)
    return name


def asked(vendor, since: int) -> Counter[str]:
    """The ranges of dates that REST was asked for."""
    paths = [one.path for one in vendor.sandbox.requests[since:] if "/range/" in one.path]
    return Counter("..".join(path.split("?")[0].split("/")[-2:]) for path in paths)


def marks(home: Home) -> set[Verdict]:
    """The verdicts on what is recorded of the table."""
    with home.app() as app:
        return {row.verdict for row in app.ledger.coverage.find("lake", TABLE, limit=None)}


@pytest.mark.timeout(120)
def test_kills_of_a_repair_by_rest_close_each_gap_once(home, vendor):
    """Killed between the ledger, the vendor and the lake, a repair goes on with the session that its budget allows.

    The next session is begun once the lake has the rows of that one, and the third one by none of these runs.
    """
    name = by_rest(home, vendor)
    before = home.lake.digest(TABLE)
    for day in DAYS:
        lose_a_minute(home, day, [name])
    since = len(vendor.sandbox.requests)
    command = ("gaps", "repair", "--tickers", name, *SEARCH, "--budget", "1")

    killed = ends(home, "gaps.cut_out,fetch.staged,lake.planned,fetch.stored,", *command, **BY_REST)

    assert [str(-signal.SIGKILL)] * 4 + ["3"] == killed
    assert {f"{day}..{day}" for day in DAYS[1:]} == set(asked(vendor, since))
    since = len(vendor.sandbox.requests)
    assert ["0"] == ends(home, "", *command[:-2], **BY_REST)
    assert {f"{DAYS[0]}..{DAYS[0]}": 1} == asked(vendor, since)
    assert before == home.lake.digest(TABLE)
    assert [] == [path for path in home.litter() if not path.startswith("lake/")]
    assert {Verdict.COMPLETE} == marks(home)


@pytest.mark.timeout(120)
def test_kills_of_a_reload_close_each_gap_once(home, vendor):
    """A file that lost rows is loaded again as a whole, whatever was in the way; two that repair it at once as well."""
    feed = Feed("all", (MINUTES,), None, START, END)
    home.sync(feed)
    with home.app() as app:
        app.ledger.feeds.remember(feed)
    before, names = home.lake.digest(TABLE), vendor.truth(START)["ticker"].unique().to_list()
    lose_a_minute(home, DAYS[0], names)

    killed = ends(home, "gaps.cut_out,lake.placed,lake.planned,lake.committed,+", "gaps", "repair", *SEARCH)

    assert [str(-signal.SIGKILL)] * 4 == killed[:4]
    assert set(killed[4].split()) <= {"0", "3"}
    assert before == home.lake.digest(TABLE)
    assert [] == [path for path in home.litter() if not path.startswith("lake/")]
    assert {Verdict.COMPLETE} == marks(home)


def test_what_another_has_repaired_is_not_asked_for_again(home, vendor):
    """Two find the same gap, one after the other they repair it: the second one asks nobody, and sees it closed."""
    name = by_rest(home, vendor)
    lose_a_minute(home, DAYS[0], [name])
    with home.app(**BY_REST) as slow, home.app(**BY_REST) as quick:
        began = slow.clock.now()
        ((scope, gaps),) = find_gaps(slow, scopes(slow, [name], START, END))
        (done,) = repair_gaps(quick, scopes(quick, [name], START, END), 9)
        since = len(vendor.sandbox.requests)

        (late,) = gap_repair(slow, gap_scan(slow)).run(scope, gaps, began)

    assert (Outcome.CLOSED, Outcome.CLOSED) == (done.outcome, late.outcome)
    assert Counter() == asked(vendor, since)


def test_what_another_is_fetching_is_left_to_it(home, vendor):
    """The lease decides: who does not hold the task says so of the gap, and does not call the vendor short of it."""
    name = by_rest(home, vendor)
    lose_a_minute(home, DAYS[0], [name])
    draft = fetch_draft(MINUTES, name, Interval(DAYS[0], DAYS[0]), "lake")
    with home.app(**BY_REST) as app:
        app.ledger.tasks.add([draft])
        assert app.ledger.tasks.claim("somebody else") is not None
        since = len(vendor.sandbox.requests)

        (gap,) = repair_gaps(app, scopes(app, [name], START, END), 9)

        assert (Outcome.OPEN, "another process is fetching it") == (gap.outcome, gap.reason)
        assert 1 == len(not_completed(app, [draft]))
    assert Counter() == asked(vendor, since)
