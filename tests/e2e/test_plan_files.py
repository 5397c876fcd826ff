"""A plan that was looked at is what is done, or nothing is."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from homes import SAID_BY_BOTH, held, truth
from shell import Shell

from forebay import Sandbox
from forebay.testing import FakeClock

START, END = date(2026, 3, 2), date(2026, 3, 13)
NOW = datetime(2026, 3, 11, 18, tzinfo=UTC)
WISH = ("--datasets", "stocks/bars_1d", "--start", str(START), "--end", "2026-03-09")
FEW = ("--tickers", "AAPL,MSFT", "--timeframes", "1d", "--start", str(START), "--end", "2026-03-09", "--source", "rest")


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def vendor(clock):
    with Sandbox(start=START, end=END, tickers=8, clock=clock) as running:
        yield running


@pytest.fixture
def planned(shell):
    assert 0 == shell("plan", *WISH, "--out", "plan.jsonl").code
    return shell


def queued(shell):
    return json.loads(shell("tasks", "list", "--json").out)


def refused(shell, says, next_step="forebay plan --out", **env):
    """The file is refused, and nothing was queued for it."""
    before = len(queued(shell))
    shell.refuses("sync", "--plan", "plan.jsonl", says=says, next_step=next_step, **env)
    assert before == len(queued(shell))


def test_a_plan_is_carried_out_as_it_was_written(home, vendor, planned):
    """Its six files and no other, and `status` goes on counting what its flags named."""
    lines = (home.folder / "plan.jsonl").read_text().splitlines()
    tasks = [json.loads(line)["task"]["key"] for line in lines if line.startswith('{"task"')]
    assert 6 == len(tasks)
    assert [] == queued(planned)

    assert 0 == planned("sync", "--plan", "plan.jsonl").code
    assert sorted(tasks) == sorted(task["key"] for task in queued(planned))
    expected = truth(vendor, "stocks/bars_1d", START, date(2026, 3, 9)).select(SAID_BY_BOTH)
    assert expected.equals(held(home, "stocks/bars_1d").select(SAID_BY_BOTH))
    assert 1 == len(json.loads(planned("feeds", "list", "--json").out))


def test_a_plan_by_rest_is_carried_out_the_day_after(home, vendor, shell, clock):
    """Another session has ended since; the plan asks for what it asked for."""
    assert 0 == shell("plan", *FEW, "--out", "plan.jsonl").code
    clock.advance(86400)

    assert 0 == shell("sync", "--plan", "plan.jsonl").code
    assert date(2026, 3, 9) == held(home, "stocks/bars_1d")["session_date"].max()


def test_no_key_is_in_the_file(home, vendor, planned):
    """Fingerprints tell accounts apart; the keys stay where they are."""
    text = (home.folder / "plan.jsonl").read_text()

    assert [] == [name for name, value in vendor.env.items() if "KEY" in name and value in text]


def test_what_is_held_since_is_not_done_again(planned):
    """One of its days was fetched meanwhile: refused with that day's file, nothing queued."""
    planned("sync", "--datasets", "stocks/bars_1d", "--start", "2026-03-04", "--end", "2026-03-04")

    refused(planned, "us_stocks_sip/day_aggs_v1/2026/03/2026-03-04.csv.gz")


def test_a_file_published_anew_since_is_another_world(home, clock, monkeypatch, capsys):
    """Its revision is not the one that was planned."""
    rules = [{"kind": "replaced", "dataset": "us_stocks_sip/day_aggs_v1", "date": date(2026, 3, 4), "reads": 1}]
    with Sandbox(start=START, end=END, tickers=8, clock=clock, faults=rules) as vendor:
        monkeypatch.chdir(home.folder)
        shell = Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"}, clock)
        assert 0 == shell("plan", *WISH, "--out", "plan.jsonl").code
        other = {"FOREBAY_HOME": "other"}
        shell("sync", "--datasets", "stocks/bars_1d", "--start", "2026-03-04", "--end", "2026-03-04", **other)
        refused(shell, "published us_stocks_sip/day_aggs_v1/2026/03/2026-03-04.csv.gz anew")


def test_a_plan_of_another_account_or_ledger_is_refused(planned):
    """Each with what differs; an account is named by its variable, never by its key."""
    refused(planned, "another POLYGON_API_KEY", "the account that it was made for", POLYGON_API_KEY="somebody-elses")
    refused(planned, "was made for the ledger", "DATABASE_URL", FOREBAY_HOME="other")


def test_an_old_plan_and_one_of_the_future_are_refused(planned, clock):
    """Eight days later it says little; before it was made a clock is wrong."""
    clock.advance(8 * 86400)
    refused(planned, "8 days old")
    clock.advance(-9 * 86400)
    refused(planned, "in the future", "clock")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda text: "", "is not a plan", id="empty"),
        pytest.param(lambda text: '{"rows": []}\n', "is not a plan", id="another file"),
        pytest.param(lambda text: "\x00\x01 no json", "is not a plan", id="no JSON"),
        pytest.param(lambda text: text[: len(text) // 2], "is cut off", id="cut off"),
        pytest.param(lambda text: text.rsplit("\n", 2)[0] + "\n", "is cut off", id="without its end"),
        pytest.param(lambda text: text.replace("2026-03-06", "2026-03-05"), "was changed", id="edited"),
        pytest.param(lambda text: text.replace('"format":1', '"format":9'), "format 9", id="a later format"),
    ],
)
def test_a_file_that_is_not_a_whole_plan_is_refused(home, planned, change, says):
    """Empty, foreign, cut off, edited or of another version: each is said, and nothing is queued."""
    path = home.folder / "plan.jsonl"
    path.write_text(change(path.read_text()))

    next_step = "the version that made it" if "format" in says else "forebay plan --out"
    refused(planned, says, next_step)


def test_a_file_that_is_not_there_and_flags_beside_it_are_refused(planned):
    """Neither is guessed at."""
    planned.refuses("sync", "--plan", "no.jsonl", says="no.jsonl cannot be read", next_step="forebay plan --out")
    planned.refuses("sync", "--plan", "plan.jsonl", "--tickers", "AAPL", says="other flags", next_step="alone")
    assert [] == queued(planned)


def test_a_plan_that_cannot_be_written_leaves_nothing(home, shell):
    """The place is a folder: an error, and no half file."""
    (home.folder / "there").mkdir()

    said = shell("plan", *WISH, "--out", "there")

    assert 1 == said.code
    assert "there" in said.err
    assert [] == list(home.folder.glob("*.part"))


def test_calls_are_shown_as_a_range_and_beside_what_one_by_one_would_take(shell):
    """Before anything runs: tasks, calls, time by source, and the naive figure."""
    said = shell("plan", "--tickers", "AAPL,MSFT", "--start", str(START), "--source", "rest")
    as_json = json.loads(
        shell("plan", "--tickers", "AAPL,MSFT", "--start", str(START), "--source", "rest", "--json").out
    )

    assert "from rest: 4 tasks, 4 calls" in said.out
    assert "one request for each ticker, timeframe and page would be 10 calls" in said.out
    assert (4, 4, 10) == (as_json["fewest_calls"], as_json["calls"], as_json["calls_one_by_one"])
