"""Whatever the vendor does to an archive: the vendor's bytes, or the file's name with the reason; the rest goes on."""

from __future__ import annotations

from datetime import date

import pytest
from homes import Home, published

from forebay import Sandbox
from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Verdict
from forebay.model.task import TaskState
from forebay.orchestration.discoverer import historical

START, END = date(2026, 3, 2), date(2026, 3, 13)
MINUTES = DATASETS["us_stocks_sip/minute_aggs_v1"]
SESSIONS = session_days("XNYS", START, END)
PASSING = [
    {"kind": "rate_limited", "request": "data", "times": 1, "retry_after": 1},
    {"kind": "server_error", "request": "listing", "times": 1},
    {"kind": "server_error", "request": "data", "every": 7, "times": 4},
    {"kind": "connect_stall", "request": "data", "seconds": 4, "times": 1},
    {"kind": "read_stall", "request": "data", "seconds": 4, "times": 1},
    {"kind": "cut", "request": "data", "times": 3},
    {"kind": "truncated_gzip", "date": date(2026, 3, 4), "times": 1},
    {"kind": "bit_flip", "date": date(2026, 3, 5), "times": 1},
    {"kind": "wrong_etag", "date": date(2026, 3, 6), "request": "data", "times": 1},
]


def archive(home, **settings):
    """Discoverer and one worker, in this process; the tasks as they ended."""
    with home.app(**settings) as app:
        app.settle_archive()
        app.discoverer().discover(historical([MINUTES], START, END, ["archive"]))
        app.worker().drain()
        return {task.draft.partition.day: task for task in app.ledger.tasks.find()}


def stored(home, day):
    return (home.folder / "data" / "archive" / MINUTES.key(day)).read_bytes()


def archived(home):
    root = home.folder / "data" / "archive" / MINUTES.name
    return {date.fromisoformat(path.name[:10]) for path in root.rglob("*.csv.gz")}


def test_faults_that_pass_leave_no_trace(tmp_path):
    """Refusals, stalls, cuts, damage on the way: the same bytes, every task completed, no litter."""
    with Sandbox(start=START, end=END, tickers=16, faults=PASSING) as vendor:
        home = Home(tmp_path, vendor, patience=1.0)
        tasks = archive(home)
        struck = {request.fault for request in vendor.requests} - {None, ""}

        assert {rule["kind"] for rule in PASSING} == struck
        assert {TaskState.COMPLETED} == {task.state for task in tasks.values()}
        assert all(published(vendor, MINUTES.key(day)) == stored(home, day) for day in SESSIONS)
        assert [] == home.litter()


def test_faults_that_last_name_the_file_and_the_reason(tmp_path):
    """What stays damaged or refused is given up with its reason and is not visible; the other files are held."""
    lasting = {
        date(2026, 3, 3): ("truncated_gzip", "not the file that was listed"),
        date(2026, 3, 4): ("bit_flip", "damaged"),
        date(2026, 3, 5): ("not_entitled", "your plan does not include"),
        date(2026, 3, 6): ("server_error", "503"),
        date(2026, 3, 9): ("wrong_etag", "not the file that was listed"),
    }
    rules = [{"kind": kind, "date": day, "request": "data"} for day, (kind, _) in lasting.items()]
    with Sandbox(start=START, end=END, tickers=16, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        tasks = archive(home)

        given_up = {day: task for day, task in tasks.items() if task.state is TaskState.PERMANENT_FAILURE}
        assert set(lasting) == set(given_up)
        for day, (_, words) in lasting.items():
            assert words in given_up[day].error_message
        assert set(SESSIONS) - set(lasting) == archived(home)
        assert all(published(vendor, MINUTES.key(day)) == stored(home, day) for day in archived(home))
        assert [] == home.litter()


def test_bad_rows_are_archived_as_they_are(tmp_path):
    """The archive keeps what the vendor published; whether the rows are right is the lake's question."""
    rules = [{"kind": "window_start_a_day_late", "dataset": MINUTES.name, "date": date(2026, 3, 4)}]
    with Sandbox(start=START, end=END, tickers=8, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        tasks = archive(home)

    assert {TaskState.COMPLETED} == {task.state for task in tasks.values()}


@pytest.mark.parametrize("kind", ["late", "missing"])
def test_a_file_that_is_not_there_is_no_task(tmp_path, kind):
    """Not listed: a verdict, and the next run takes it when it has come."""
    rules = [{"kind": kind, "dataset": MINUTES.name, "date": date(2026, 3, 12)}]
    with Sandbox(start=START, end=END, tickers=8, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        tasks = archive(home)
        with home.app() as app:
            found = app.ledger.coverage.find("archive", MINUTES.table, verdicts=[Verdict.MISSING_UPSTREAM])

    assert set(SESSIONS) - {date(2026, 3, 12)} == set(tasks)
    assert [date(2026, 3, 12)] == [row.partition.day for row in found]


def test_a_replaced_file_keeps_both_revisions_and_says_so(tmp_path):
    """The new one under the vendor's key, the earlier one beside it, and both in the evidence."""
    day = date(2026, 3, 12)
    rules = [{"kind": "replaced", "dataset": MINUTES.name, "date": day, "reads": 1}]
    with Sandbox(start=START, end=END, tickers=8, faults=rules) as vendor:
        home = Home(tmp_path, vendor)
        archive(home)
        first = stored(home, day)
        archive(home)
        with home.app() as app:
            app.settle_archive()
            kept = app.archive.kept(MINUTES.key(day))
            rows = app.ledger.coverage.find("archive", MINUTES.table)
            evidence = next(row.evidence for row in rows if row.partition.day == day)

        assert first != stored(home, day) == published(vendor, MINUTES.key(day))
        assert [len(first)] == [one["size"] for one in kept]
        assert first == (home.folder / "data" / "archive" / kept[0]["kept_as"]).read_bytes()
        assert kept == evidence.details["replaced"]
