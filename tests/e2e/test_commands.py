"""Each command, typed as a newcomer would: what it prints, where, and what it leaves behind."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from homes import truth

ASKED = ("--datasets", "stocks/bars_1d", "--tickers", "AAPL,AAp", "--start", "2026-03-02", "--end", "2026-03-06")
NAME = "stocks/bars_1d AAPL,AAp 2026-03-02..2026-03-06"


@pytest.fixture
def filled(shell):
    """A shell after one sync by flags."""
    said = shell("sync", *ASKED)
    assert 0 == said.code, said.all
    return shell


def test_init_changes_nothing_that_is_there(shell):
    """Folders, ledger and a feeds file are made once; a second time nothing is touched."""
    first = shell("init")
    assert (0, True) == (first.code, "wrote forebay.toml" in first.out)
    assert "ledger: data/download_tracker.db\nlake: data/lake\n" in first.out
    assert Path("data/lake").is_dir()
    Path("forebay.toml").write_text("# mine\n", "utf-8")
    second = shell("init")
    assert (0, "# mine\n") == (second.code, Path("forebay.toml").read_text("utf-8"))
    assert "is there already" in second.out


def test_the_example_is_a_plan(shell):
    """What `init` writes can be planned as it stands."""
    shell("init")
    said = shell("plan", "--json")
    assert (0, "") == (said.code, said.err)
    counts = {"tasks", "calls", "fewest_calls", "calls_one_by_one", "bytes", "seconds"}
    assert {*counts, "lines", "findings", "notes"} == json.loads(said.out).keys()


def test_a_plan_is_only_a_plan(shell):
    """It names source and reason, and remembers nothing: afterwards nobody wants anything."""
    said = shell("plan", *ASKED)
    assert (0, "") == (said.code, said.err)
    assert "in all: 2 tasks, 2 calls" in said.out
    shell.refuses("status", says="nothing says what to hold", next_step="forebay init")


def test_a_sync_by_flags_is_remembered(filled):
    """What flags named is counted by `status` and held by a `sync` without flags, until it is forgotten."""
    assert f"{NAME}: stocks/bars_1d 2026-03-02..2026-03-06: 10 of 10 symbol days held" in filled.said[-1].out
    assert "10/10 ok" in filled("status").out
    assert "complete: nothing is missing" in filled("sync").out
    assert [(NAME, "flags")] == [
        (feed["feed"], feed["from"]) for feed in json.loads(filled("feeds", "list", "--json").out)
    ]
    assert "AAPL" in filled("feeds", "list").out
    assert 0 == filled("feeds", "forget", NAME).code
    filled.refuses("feeds", "forget", NAME, says=f"no feed {NAME!r} is remembered", next_step="forebay.toml")
    filled.refuses("status", says="nothing says what to hold", next_step="forebay init")
    assert 5 == len(json.loads(filled("bars", "AAPL", "--json").out))


def test_json_is_alone_on_stdout(shell):
    """Progress and logs go to stderr, whatever the level; stdout can be piped into a program."""
    said = shell("sync", *ASKED, "--json", "--log-level", "DEBUG")
    status = json.loads(said.out)
    assert (True, [], 10) == (status["complete"], status["gaps"], status["covered"][0]["held"])
    assert "stocks/bars_1d from rest" in said.err
    assert status == json.loads(shell("status", "--json").out)


def test_the_status_of_one_ticker(filled):
    """Only its days are counted; another spelling of it is another ticker."""
    found = json.loads(filled("status", "AAp", "--json").out)
    assert (5, 5) == (found["covered"][0]["wanted"], found["covered"][0]["held"])
    filled.refuses("status", "aap", says="no feed asks for aap", next_step="case-sensitive")


def test_bars_in_every_form(home, filled):
    """A table for people, CSV and JSON for programs, all with the market's own rows."""
    expected = truth(home.vendor, "stocks/bars_1d", date(2026, 3, 2), date(2026, 3, 6), ["AAPL"])
    closes = expected["close"].to_list()
    dates = ("--start", "2026-03-02", "--end", "2026-03-06")
    assert closes == [row["close"] for row in json.loads(filled("bars", "AAPL", *dates, "--format", "json").out)]
    rows = csv.DictReader(io.StringIO(filled("bars", "AAPL", *dates, "--format", "csv").out))
    assert closes == [float(row["close"]) for row in rows]
    table = filled("bars", "AAPL", *dates).out.splitlines()
    assert (1 + len(closes), True) == (len(table), table[0].startswith("ticker"))


def test_bars_that_are_not_there(filled):
    """An empty answer says so beside stdout, so that a program still gets an empty list."""
    said = filled("bars", "aapl", "--json")
    assert (0, []) == (said.code, json.loads(said.out))
    assert "are held (tickers are case-sensitive); to fetch: forebay sync --tickers" in said.err


def test_queries_in_every_form(filled):
    """SQL over the tables, as table, CSV and JSON; on one of the days nobody traded AAp."""
    sql = "select ticker, count(*) as days from stocks.bars_1d group by ticker order by ticker"
    expected = [{"ticker": "AAPL", "days": 5}, {"ticker": "AAp", "days": 4}]
    assert expected == json.loads(filled("query", sql, "--json").out)
    assert "ticker,days\nAAPL,5\nAAp,4\n" == filled("query", sql, "--format", "csv").out
    assert ["ticker  days", "AAPL       5", "AAp        4"] == filled("query", sql).out.splitlines()


@pytest.mark.parametrize(
    ("sql", "says", "next_step"),
    [
        ("selec 1", "syntax error", "stocks.bars_1d"),
        ("select * from stocks.bars_1m", "bars_1m does not exist", "tables of this lake: stocks.bars_1d"),
        ("drop table stocks.bars_1d", "the lake is read-only here", "SELECT"),
        ("select 1; select 2", "one statement", "split"),
    ],
)
def test_queries_that_are_wrong(filled, sql, says, next_step):
    """A query that fails says why, and which tables there are; nothing can be written."""
    filled.refuses("query", sql, says=says, next_step=next_step)


def test_tasks(filled):
    """They are listed, shown with their history, and started over; a wrong state or number names the way on."""
    listed = json.loads(filled("tasks", "list", "--state", "completed", "--json").out)
    assert 2 == len(listed)
    assert [] == json.loads(filled("tasks", "list", "--state", "pending", "--json").out)
    shown = filled("tasks", "show", str(listed[0]["id"])).out
    assert ["pending", "processing", "downloading", "downloaded", "uploading", "completed"] == re.findall(
        r"^  [-0-9]+ [:0-9]+ (\w+)$", shown, re.MULTILINE
    )
    assert listed[0] == json.loads(filled("tasks", "show", str(listed[0]["id"]), "--json").out)
    assert "0 tasks start over" in filled("tasks", "retry").out
    for order in ("show", "retry", "cancel", "pause"):
        filled.refuses("tasks", order, "999", says="there is no task 999", next_step="tasks list")
    filled.refuses("tasks", "list", "--state", "complete", says="unknown state 'complete'", next_step="completed")


def test_config_says_where_a_value_came_from(shell):
    """Each setting with its origin; secrets masked."""
    Path(".env").write_text("BATCH_SIZE=7  # few\n", "utf-8")
    found = {entry["name"]: entry for entry in json.loads(shell("config", "show", "--json").out)}
    assert ("7", ".env line 1") == (found["BATCH_SIZE"]["value"], found["BATCH_SIZE"]["origin"])
    assert "environment" == found["POLYGON_API_KEY"]["origin"]
    assert shell.env["POLYGON_API_KEY"] not in shell.said[-1].all


def test_everything_from_an_env_file(shell):
    """Without a feeds file and without the environment, a .env file and flags are enough."""
    Path("keys.env").write_text("".join(f"{name}={value}\n" for name, value in shell.env.items()), "utf-8")
    nothing = dict.fromkeys(shell.env, "")
    said = shell("sync", *ASKED, "--env-file", "keys.env", **nothing)
    assert (0, True) == (said.code, "complete: nothing is missing" in said.out), said.all


def test_secrets_are_never_shown(shell):
    """Not by any command, at the noisiest level, on success, on errors and in the log file."""
    secrets = {
        name: f"hush{number}hush{number}hush"
        for number, name in enumerate(("B2_APPLICATION_KEY", "KAFKA_SASL_PASSWORD"))
    }
    secrets |= {"REDIS_URL": "redis://:hushredis@127.0.0.1:9/0", "TIMESCALE_PASSWORD": "hushscale"}
    noisy = {**secrets, "LOG_LEVEL": "DEBUG", "LOG_FILE": "all.log"}
    for command in (
        ("init",),
        ("plan", *ASKED),
        ("sync", *ASKED),
        ("status",),
        ("bars", "AAPL"),
        ("query", "select 1 as one"),
        ("feeds", "list"),
        ("tasks", "list"),
        ("config", "show"),
        ("doctor",),
        ("query", "selec"),
        ("sync", "--datasets", "crypto/bars_1d", "--start", "2026-03-10"),
    ):
        shell(*command, **noisy)
    shell("sync", *ASKED, **{**noisy, "DATABASE_URL": "postgresql://me:hushledger@127.0.0.1:9/db"})
    shell("sync", "--datasets", "forex/bars_1d", **{**noisy, "POLYGON_S3_SECRET_ACCESS_KEY": "hushwrongsecret"})
    printed = "".join(said.all for said in shell.said) + Path("all.log").read_text("utf-8")
    keys = [shell.env[name] for name in shell.env if "KEY" in name]
    assert 3 == len(keys)
    assert [] == [secret for secret in [*keys, "hush"] if secret in printed]


def test_the_libraries_say_nothing(shell):
    """A first run makes the ledger without the migrations' own log lines."""
    said = shell("tasks", "list")
    assert (0, "") == (said.code, said.err)


@pytest.mark.parametrize(
    ("command", "unwanted"),
    [
        (["tasks", "list"], {"polars", "duckdb", "deltalake", "pandas", "obstore", "httpx2", "pyarrow"}),
        (["config", "show"], {"polars", "duckdb", "deltalake", "pandas", "obstore", "httpx2", "sqlalchemy"}),
        (["query", "select 1"], {"pandas", "sqlalchemy", "httpx2", "obstore", "exchange_calendars"}),
        (["status"], {"duckdb", "deltalake", "obstore", "httpx2", "pyarrow", "pandas", "exchange_calendars", "polars"}),
        (["plan", *ASKED], {"duckdb", "deltalake", "pyarrow", "pandas", "exchange_calendars"}),
    ],
)
def test_cheap_commands_import_little(home, command, unwanted):
    """A command loads what it uses; a fresh interpreter is asked."""
    code = f"import sys; from forebay.cli.main import main; main({command!r}); print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=home.folder, env=home.env, capture_output=True, text=True, check=True
    )
    assert set() == unwanted & set(run.stdout.splitlines()[-1].split())


def test_a_command_beside_a_vendor_of_its_own(home):
    """`forebay sandbox --run` gives a command a vendor with keys, says what was asked of it, and ends with its code."""
    command = f"{sys.executable} -m forebay sync --datasets crypto/bars_1d --tickers X:BTCUSD --source rest"
    vendor = ("sandbox", "--port", "0", "--tickers", "2", "--start", "2026-03-02", "--end", "2026-03-04")
    span = "--start 2026-03-02 --end 2026-03-04"
    run = home.run(*vendor, "--run", f"{command} {span}")
    assert (0, True) == (run.returncode, "3 of 3 symbol days held" in run.stdout), run.stderr
    assert "the simulated vendor was asked for: " in run.stderr
    assert 3 == home.run(*vendor, "--run", f"{sys.executable} -c 'raise SystemExit(3)'").returncode
    assert 2 == home.run(*vendor, "--run", "no-such-program").returncode
