"""The discoverer: which files become tasks, in each of its modes, as typed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from homes import END, START, Home
from shell import Shell

from forebay import Sandbox
from forebay.testing import FakeClock

OPTIONS = "us_options_opra/day_aggs_v1"
ALL = ("discoverer", "historical", "--start-date", str(START), "--end-date", str(END))


def found(said):
    """The one line of a JSON answer."""
    assert said.code in (0, 3), said.all
    return json.loads(said.out)["discovered"][0]


def tasks(shell):
    return json.loads(shell("tasks", "list", "--json", "--limit", "1000").out)


def test_historical_queues_every_session_of_the_default_dataset_once(shell):
    """Fifteen sessions, fifteen tasks for the archive; the second run adds none."""
    first = found(shell(*ALL, "--json"))
    again = found(shell(*ALL, "--json"))

    assert (OPTIONS, "archive") == (first["dataset"], first["destination"])
    assert (15, 15) == (first["sessions"], first["added"])
    assert (0, 15) == (again["added"], again["queued"])
    assert [("mirror", "pending")] * 15 == [(task["kind"], task["state"]) for task in tasks(shell)]


def test_flags_take_the_earlier_spelling(shell):
    """`--start_date` and `--end_date`, as cron lines have them."""
    said = shell("discoverer", "historical", "--start_date", "2026-03-02", "--end_date", "2026-03-03")

    assert 0 == said.code, said.all
    assert 2 == len(tasks(shell))


def test_several_datasets_and_destinations(shell):
    """Each dataset in each destination is counted for itself; the lake's tasks wait for the archive's."""
    names = "us_stocks_sip/day_aggs_v1,us_stocks_sip/minute_aggs_v1"
    said = shell("discoverer", "on-demand", "--dates", "2026-03-02", "--dataset", names, "--into", "archive,lake")

    assert 0 == said.code, said.all
    kinds = sorted((task["destination"], task["kind"], task["hold"]) for task in tasks(shell))
    assert [("archive", "mirror", None)] * 2 + [("lake", "load", "after:archive")] * 2 == kinds


def test_on_demand_takes_dates_and_says_which_have_no_session(shell):
    """A Saturday is no error."""
    said = shell("discoverer", "on-demand", "--dates", "2026-03-06,2026-03-07")

    assert 0 == said.code, said.all
    assert "2026-03-07 has no session" in said.out
    assert ["2026-03-06"] == [task["key"][-17:-7] for task in tasks(shell)]


def test_every_bad_date_is_named_at_once_and_nothing_is_queued(shell):
    """A person corrects a list once."""
    said = shell.refuses(
        "discoverer", "on-demand", "--dates", "2026-03-02,2026-13-03,someday,2099-01-01",
        says="'2026-13-03' is not a date", next_step="correct the list",
    )  # fmt: skip

    assert "'someday' is not a date" in said.err
    assert "2099-01-01 is in the future" in said.err
    assert [] == tasks(shell)


def test_a_dataset_that_the_plan_lacks_fails_fast_and_names_the_plan(tmp_path, monkeypatch, capsys):
    """One listing and one look at the newest file; then the word for it, and what to do."""
    with Sandbox(start=START, end=END, tickers=4, vendor_plan="basic") as vendor:
        monkeypatch.chdir(tmp_path)
        shell = Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"})
        shell.refuses(*ALL, code=1, says=f"your plan does not include {OPTIONS}", next_step="extend the plan")


def test_without_keys_it_says_which_are_missing(shell):
    """The API key is not enough for flat files."""
    shell.refuses(*ALL, says="POLYGON_S3_ACCESS_KEY_ID is not set", next_step="dashboard", POLYGON_S3_ACCESS_KEY_ID="")


@pytest.fixture
def at(tmp_path, monkeypatch, capsys):
    """A shell at a moment of the test's choosing, vendor included."""
    monkeypatch.chdir(tmp_path)
    clock = FakeClock(datetime(2026, 3, 2, tzinfo=UTC))
    with Sandbox(start=date(2026, 2, 19), end=date(2026, 4, 10), tickers=4, clock=clock) as vendor:
        shell = Shell(monkeypatch, capsys, {**Home(tmp_path, vendor).env}, clock)

        def move(*moment):
            clock.advance((datetime(*moment, tzinfo=UTC) - clock.now()).total_seconds())
            return shell

        yield move


def daily(shell):
    return found(shell("discoverer", "daily", "--json"))


def test_daily_takes_friday_on_a_monday(at):
    """Sunday evening in New York is Monday in UTC: the newest session is Friday's, and it is named."""
    said = at(2026, 3, 9, 1)("discoverer", "daily")

    assert 0 == said.code, said.all
    assert "the newest session is 2026-03-06" in said.out
    assert ["2026-03-06"] == [task["key"][-17:-7] for task in tasks(at(2026, 3, 9, 1))]


def test_daily_says_on_a_holiday_that_there_is_nothing(at):
    """Good Friday: Thursday is the newest session, and it is queued already."""
    shell = at(2026, 4, 3, 16)
    daily(shell)
    shell("worker", "--once")
    said = at(2026, 4, 4, 1)("discoverer", "daily")

    assert 0 == said.code
    assert "today, 2026-04-03, has none" in said.out
    assert "nothing to do" in said.out


def test_daily_before_the_file_is_published_is_no_error(at):
    """The session is over, the file is not there: pending_upstream, exit 0; the next run takes it."""
    early = found(at(2026, 3, 6, 2)("discoverer", "daily", "--json"))  # 21:00 on the 5th in New York
    later = found(at(2026, 3, 6, 16)("discoverer", "daily", "--json"))

    assert [("2026-03-05", "pending_upstream")] == [(one["date"], one["verdict"]) for one in early["absent"]]
    assert 0 == early["added"]
    assert (1, []) == (later["added"], later["absent"])


def test_daily_picks_up_the_days_it_missed(at):
    """A week without a run: every session since the first daily run is queued."""
    daily(at(2026, 3, 3, 16))
    assert 5 == daily(at(2026, 3, 10, 16))["added"]


def test_daily_takes_history_only_where_it_was_asked_for(at):
    """What historical wanted in the archive is not loaded into the lake by a daily run into both."""
    names = ("--dataset", "us_stocks_sip/day_aggs_v1")
    at(2026, 3, 3, 16)("discoverer", "historical", "--start", "2026-02-23", *names)
    at(2026, 3, 4, 16)("discoverer", "daily", "--into", "archive,lake", *names)
    days = {(task["destination"], task["key"][-17:-7]) for task in tasks(at(2026, 3, 4, 16))}

    assert {"2026-03-03"} == {day for destination, day in days if destination == "lake"}
    assert 7 == sum(destination == "archive" for destination, _ in days)


def test_daily_picks_up_what_historical_was_asked_for(at):
    """A remembered wish goes on being wished."""
    at(2026, 3, 3, 16)("discoverer", "historical", "--start", "2026-02-23")
    queued = len(tasks(at(2026, 3, 3, 16)))

    assert 6 == queued
    later = daily(at(2026, 3, 4, 16))
    assert (7, 1) == (later["sessions"], later["added"])
