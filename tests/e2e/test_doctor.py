"""`forebay doctor`: every part of the installation is looked at, and what is wrong has one next step."""

from __future__ import annotations

import json
import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from homes import END, START, HastyClock
from redis_server import redis_server
from shell import Shell

from forebay import Sandbox
from forebay.clock import SystemClock
from forebay.testing import FakeClock


def examined(shell, **env):
    """Subject to finding, and the exit code."""
    said = shell("doctor", "--json", **env)
    return {finding["subject"]: finding for finding in json.loads(said.out)}, said.code


@pytest.fixture
def listening():
    """A real server that accepts connections; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed():
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_all_is_well(shell):
    """With every key and the largest plan all findings are good, and each dataset's newest file is named."""
    found, code = examined(shell)
    assert (0, []) == (code, [name for name, finding in found.items() if finding["health"] == "fault"])
    assert {"disk", "ledger", "lake", "API key", "clock", "plan: options by REST"} <= found.keys()
    assert "included; newest file 2026-03-11" == found["plan: us_stocks_sip/minute_aggs_v1"]["detail"]


def test_it_reads_like_a_list(shell):
    """A person sees one line for each finding, and the next step below what is not well."""
    said = shell("doctor", POLYGON_API_KEY="wrong-key-of-mine")
    assert 1 == said.code
    assert "ok    ledger: " in said.out
    assert "FAULT API key: " in said.out
    assert "\n      next: Check POLYGON_API_KEY" in said.out
    assert 1 == said.out.count("FAULT"), said.out


@pytest.mark.parametrize(
    ("plan", "bars", "trades", "rest"),
    [
        ("basic", "note", "note", ["stocks"]),
        ("starter", "ok", "note", ["stocks", "options", "indices", "crypto", "forex"]),
        ("developer", "ok", "ok", ["stocks", "options", "indices", "crypto", "forex"]),
    ],
)
def test_what_each_plan_includes(tmp_path, monkeypatch, capsys, plan, bars, trades, rest):
    """Per dataset it says whether the plan has it; that it does not is a note, for it may be meant so."""
    monkeypatch.chdir(tmp_path)
    clock = HastyClock()
    with Sandbox(start=END, end=END, tickers=2, vendor_plan=plan, clock=clock) as vendor:
        found, code = examined(Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"}, clock))
        calls = [request for request in vendor.requests if not request.path.startswith("/flatfiles")]
    assert (0, bars) == (code, found["plan: us_stocks_sip/day_aggs_v1"]["health"])
    assert trades == found["plan: us_stocks_sip/trades_v1"]["health"]
    assert [f"plan: {name} by REST" for name in rest] == [name for name in found if name.endswith("by REST")]
    assert 1 + len(rest) == len(calls)


def test_two_calls_of_a_small_budget(shell, home):
    """Where calls are few it makes two, so that a minute's budget is left for the work."""
    before = len(home.vendor.requests)
    examined(shell, POLYGON_RATE_LIMIT="5")
    asked = home.vendor.requests[before:]
    assert 2 == len([request for request in asked if not request.path.startswith("/flatfiles")])


def test_a_clock_that_is_wrong(tmp_path, monkeypatch, capsys):
    """A clock that is off by more than half a minute is a fault, with the difference."""
    monkeypatch.chdir(tmp_path)
    ours = FakeClock(datetime(2026, 3, 12, 15, tzinfo=UTC))
    vendors = FakeClock(ours.now() + timedelta(minutes=3))
    with Sandbox(start=START, end=END, tickers=2, clock=vendors) as vendor:
        shell = Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"}, ours)
        found, code = examined(shell, POLYGON_S3_ACCESS_KEY_ID="", POLYGON_S3_SECRET_ACCESS_KEY="")
    assert (1, "fault", "0:03:00 off") == (code, found["clock"]["health"], found["clock"]["detail"])
    assert "NTP" in found["clock"]["remedy"]


def test_no_keys(shell):
    """Keys that are not set are notes that name the settings."""
    names = ("POLYGON_API_KEY", "POLYGON_S3_ACCESS_KEY_ID", "POLYGON_S3_SECRET_ACCESS_KEY")
    found, code = examined(shell, **dict.fromkeys(names, ""))
    assert (0, "note", "note") == (code, found["API key"]["health"], found["flat-file keys"]["health"])
    assert "POLYGON_API_KEY" in found["API key"]["remedy"]


def test_wrong_file_keys(shell):
    """Keys that the bucket refuses are one fault, not one for each dataset."""
    found, code = examined(shell, POLYGON_S3_SECRET_ACCESS_KEY="not-it")
    faults = [finding for finding in found.values() if finding["health"] == "fault"]
    assert (1, 1) == (code, len(faults))
    assert "POLYGON_S3_SECRET_ACCESS_KEY" in faults[0]["remedy"]


SERVERS = {
    "KAFKA_BOOTSTRAP_SERVERS": ("Kafka", "127.0.0.1:{port}"),
    "B2_ENDPOINT_URL": ("Backblaze B2", "http://127.0.0.1:{port}"),
    "AWS_ENDPOINT_URL": ("S3 destination", "http://127.0.0.1:{port}"),
}
"""Setting to the name of its server and an address."""


def _at(port):
    return {setting: address.format(port=port) for setting, (_, address) in SERVERS.items()}


def test_servers_that_are_up(shell, listening):
    """Configured servers that accept connections are well."""
    found, code = examined(shell, **_at(listening))
    assert 0 == code
    for subject, _ in SERVERS.values():
        assert ("ok", f"127.0.0.1:{listening} accepts connections") == (
            found[subject]["health"],
            found[subject]["detail"],
        )


def test_a_database_at_a_folder(shell):
    """A host that begins with a slash is the folder of PostgreSQL's socket: it is up or down like any other."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/.s.PGSQL.5432")
        server.listen()
        settings = {"TIMESCALE_HOST": folder, "DATABASE_URL": "sqlite:///data/download_tracker.db"}
        up, _ = examined(shell, **settings)
        down, code = examined(shell, **settings, TIMESCALE_PORT="5433")

    assert ("ok", f"{folder}/.s.PGSQL.5432 accepts connections") == (
        up["TimescaleDB"]["health"],
        up["TimescaleDB"]["detail"],
    )
    assert (1, "fault") == (code, down["TimescaleDB"]["health"])
    assert f"{folder}/.s.PGSQL.5433 does not: " in down["TimescaleDB"]["detail"]


def test_servers_that_are_down(shell, closed):
    """Each one that does not is a fault whose remedy names its setting, and no password is shown."""
    said = shell("doctor", **_at(closed))
    assert 1 == said.code
    for setting, (subject, _) in SERVERS.items():
        assert f"FAULT {subject}: 127.0.0.1:{closed} does not" in said.out
        assert f"correct {setting}" in said.out
    assert "hush-hush" not in said.all


def test_a_redis_that_is_up(shell):
    """Redis is named with its version, and the budget that it counts with what is left of it."""
    with redis_server() as server:
        found, _ = examined(shell, REDIS_URL=server.url, POLYGON_RATE_LIMIT="50")
    assert ("ok", "ok") == (found["Redis"]["health"], found["rate budget"]["health"])
    assert f"127.0.0.1:{server.port}/0 answers, version " in found["Redis"]["detail"]
    assert f"50 calls a minute, counted in 127.0.0.1:{server.port}/0: 0 in" in found["rate budget"]["detail"]


def test_a_redis_that_is_down(shell, closed):
    """It is a fault with its remedy, no password shown; what it counts is not tried, unless there is no limit."""
    url = f"redis://:hush-hush@127.0.0.1:{closed}/0"
    said = shell("doctor", REDIS_URL=url, POLYGON_RATE_LIMIT="50")
    assert 1 == said.code
    assert f"FAULT Redis: Redis at 127.0.0.1:{closed}/0, which counts the calls" in said.out
    assert "correct REDIS_URL" in said.out
    assert "note  API key: not tried: Redis counts the calls" in said.out
    assert "hush-hush" not in said.all
    found, code = examined(shell, REDIS_URL=url, POLYGON_RATE_LIMIT="0")
    assert (1, "ok") == (code, found["API key"]["health"])


def test_a_lowered_limit(shell, home):
    """After a 429 the budget is a note that says what is granted for now."""
    with home.app(SystemClock(), POLYGON_RATE_LIMIT="100") as app:
        app.budget.slow_down(0)
    found, code = examined(shell, POLYGON_RATE_LIMIT="100")
    assert (0, "note") == (code, found["rate budget"]["health"])
    assert found["rate budget"]["detail"].endswith("after a 429 75 a minute for now")


def test_timescale(shell, closed):
    """TimescaleDB is looked at when its host is set, beside a ledger elsewhere."""
    where = {"TIMESCALE_HOST": "127.0.0.1", "TIMESCALE_PORT": str(closed), "DATABASE_URL": "sqlite:///ledger.db"}
    found, code = examined(shell, **where)
    assert (1, "fault") == (code, found["TimescaleDB"]["health"])


def test_an_address_that_is_none(shell):
    """A port that is no number is a finding, not a crash."""
    found, code = examined(shell, KAFKA_BOOTSTRAP_SERVERS="broker:many")
    assert (1, "KAFKA_BOOTSTRAP_SERVERS is not host:port") == (code, found["Kafka"]["detail"])


def test_a_broken_ledger_does_not_stop_the_rest(shell):
    """Calls cannot be counted without a ledger, so REST is left alone; lake and flat files are still looked at."""
    Path("data").mkdir()
    Path("data/download_tracker.db").write_bytes(b"no database" * 99)
    found, code = examined(shell)
    assert (1, "fault", "note") == (code, found["ledger"]["health"], found["API key"]["health"])
    assert "ok" == found["plan: us_stocks_sip/day_aggs_v1"]["health"]


def test_a_lake_that_cannot_be_used(shell):
    """A file in its place, and tables of a later version, are faults."""
    Path("file").write_text("mine", "utf-8")
    found, code = examined(shell, LAKE_URI="file")
    assert (1, "file is not a folder that can be written") == (code, found["lake"]["detail"])
    assert 0 == shell("sync", "--datasets", "stocks/bars_1d", "--start", "2026-03-10", "--end", "2026-03-10").code
    shutil.copytree("data/lake", "newer")
    log = Path("newer/stocks/bars_1d/_delta_log/00000000000000000000.json")
    log.write_text(log.read_text("utf-8").replace("Forebay lake format 1", "Forebay lake format 2"), "utf-8")
    found, code = examined(shell, LAKE_URI="newer")
    assert (1, True) == (code, "lake format 2" in found["lake"]["detail"])


def test_sizing_says_what_fits_and_asks_nobody(shell):
    """`doctor --sizing` answers in lines for .env, without a key and without a network."""
    said = shell("doctor", "--sizing", POLYGON_API_KEY="", POLYGON_RATE_LIMIT="5")

    assert said.code == 0
    assert "WORKERS=2\nWORKER_CONCURRENCY=1\n" in said.out
    assert {"workers", "concurrency", "memory_mb", "limited_by"} == json.loads(
        shell("doctor", "--sizing", "--json").out
    ).keys()
