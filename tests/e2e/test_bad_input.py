"""Every bad input ends in one error that names what is wrong, and the next step; nothing held is lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from homes import END, START, HastyClock, truth
from shell import Shell

from forebay import Sandbox

HELD = ("--datasets", "stocks/bars_1d", "--start", "2026-03-02", "--end", "2026-03-04")
MORE = ("--datasets", "stocks/bars_1d,stocks/bars_1m", "--start", "2026-02-19", "--end", "2026-03-06")
ONE = ("--datasets", "stocks/bars_1d", "--tickers", "AAPL", "--start", "2026-03-05", "--end", "2026-03-06")
DAYS = ("--datasets", "stocks/bars_1d")
NO_KEYS = {"POLYGON_API_KEY": "", "POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}
DATABASE = Path("data/download_tracker.db")


@pytest.fixture
def filled(shell):
    """A shell whose lake holds three days; afterwards they must still be there, row for row."""
    assert 0 == shell("sync", *HELD).code
    before = _rows(shell)
    yield shell
    assert before == _rows(shell)


def _rows(shell):
    said = shell("query", "select * from stocks.bars_1d where session_date <= '2026-03-04' order by all", "--json")
    return said.out


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("auto", "POLYGON_API_KEY, or POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY"),
        ("rest", "POLYGON_API_KEY into .env"),
        ("flatfiles", "put POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY"),
    ],
)
def test_no_keys(filled, source, names):
    """Without keys the feed, the dataset and the settings that are missing are named."""
    says = "wants us_stocks_sip/day_aggs_v1, and no key for it is set"
    filled.refuses("sync", *ONE, "--source", source, says=says, next_step=names, **NO_KEYS)
    filled.refuses("plan", *ONE, "--source", source, says=says, next_step=names, **NO_KEYS)


def test_no_keys_and_an_example_file(shell):
    """What `init` writes and `plan` then lacks are the keys, not the feeds."""
    assert 0 == shell("init", **NO_KEYS).code
    shell.refuses(
        "plan", says="feed 'stocks' wants us_stocks_sip/day_aggs_v1", next_step="put POLYGON_API_KEY", **NO_KEYS
    )


@pytest.mark.parametrize(
    ("setting", "source", "says"),
    [
        ("POLYGON_API_KEY", "rest", "401"),
        ("POLYGON_S3_ACCESS_KEY_ID", "flatfiles", "InvalidAccessKeyId"),
        ("POLYGON_S3_SECRET_ACCESS_KEY", "flatfiles", "SignatureDoesNotMatch"),
    ],
)
def test_wrong_keys(filled, setting, source, says):
    """A key that the vendor does not know is named by its setting, and never shown."""
    said = filled.refuses(
        "sync", *ONE, "--source", source, code=1, says=says, next_step=setting, **{setting: "not-the-right-key"}
    )
    assert "not-the-right-key" not in said.all
    assert 0 == filled("sync", *ONE, "--source", source).code


def test_swapped_keys(filled):
    """The API key typed as the S3 key id is recognised."""
    key = filled.env["POLYGON_API_KEY"]
    filled.refuses("sync", *ONE, says="holds an API key", next_step="S3 access key id", POLYGON_S3_ACCESS_KEY_ID=key)


def test_an_s3_key_without_its_secret(filled):
    """Half a pair of keys is no pair."""
    names = "POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY"
    filled.refuses(
        "plan", *ONE, "--source", "flatfiles", says="no key", next_step=names, POLYGON_S3_SECRET_ACCESS_KEY=""
    )


@pytest.fixture(scope="module")
def basic():
    """A vendor whose plan has REST, five calls a minute, and no flat files; and the clock that it counts them by."""
    clock = HastyClock()
    with Sandbox(start=START, end=END, tickers=4, vendor_plan="basic", clock=clock) as vendor:
        yield vendor, clock


@pytest.fixture
def poor(basic, tmp_path, monkeypatch, capsys):
    """A shell of the free plan, with all three keys."""
    vendor, clock = basic
    monkeypatch.chdir(tmp_path)
    return Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"}, clock)


def test_a_plan_without_files_gets_rest(poor):
    """A feed that leaves the source open is served by REST, and the plan says why; the lake has the market's rows."""
    asked = ("--datasets", "stocks/bars_1d", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-04")
    assert "the plan does not include its flat files" in poor("plan", *asked).out
    said = poor("sync", *asked)
    assert (0, True) == (said.code, "complete: nothing is missing" in said.out), said.all
    days = [row["session_date"] for row in json.loads(poor("bars", "AAPL", "--json").out)]
    assert ["2026-03-02", "2026-03-03", "2026-03-04"] == days


def test_a_plan_without_the_dataset(poor):
    """What the plan has by no source is an error when it is all that is asked for, and a note beside other data."""
    minutes = ("--datasets", "stocks/bars_1m", "--start", "2026-03-02", "--end", "2026-03-03")
    says = "your plan does not include us_stocks_sip/minute_aggs_v1"
    poor.refuses("sync", *minutes, code=1, says=says, next_step="extend the plan")
    says_files = "your plan does not include us_stocks_sip/day_aggs_v1"
    poor.refuses("sync", *ONE, "--source", "flatfiles", code=1, says=says_files, next_step="extend the plan")
    both = ("--datasets", "stocks/bars_1d,stocks/bars_1m", "--start", "2026-03-02", "--end", "2026-03-02")
    said = poor("sync", *both)
    assert (3, True) == (said.code, f"note: {says}" in said.err), said.all
    assert "1 of 1 session dates held" in said.out


@pytest.mark.parametrize(
    ("flags", "says", "next_step"),
    [
        ([*DAYS, "--start", "2026-03-09", "--end", "2026-03-02"], "the dates are reversed", "--start 2026-03-02 --end"),
        ([*DAYS, "--start", "2199-01-01"], "start 2199-01-01 is in the future", "in the past"),
        ([*DAYS, "--end", "2199-01-01"], "end 2199-01-01 is in the future", "Leave the end out"),
        ([*DAYS, "--start", "2026-02-30"], "'2026-02-30' is not a date", "plan --help"),
        (["--datasets", "stocks/bars_2m"], "unknown dataset 'stocks/bars_2m'", "Is 'stocks/bars_1m' meant?"),
        (["--datasets", "us_stocks_sip/trades_v1"], "us_stocks_sip/trades_v1 is not stored yet", "stocks/bars_1m"),
        (["--tickers", "AAPL", "--source", "flatfile"], "unknown source 'flatfile'", "Is 'flatfiles' meant?"),
        (["--tickers", "AAPL", "--into", "lakes"], "unknown destination 'lakes'", "Is 'lake' meant?"),
        (["--tickers"], "--tickers needs at least one value", "--help"),
        (["--ticker", "AAPL", "--datasets", "crypto/bars_1d"], "AAPL is of asset class stocks", "add stocks/bars_1d"),
        (["--start", "2026-03-02"], "neither a dataset nor a ticker", "add --datasets"),
        (["--feeds", "nowhere.toml"], "there is no file nowhere.toml", "forebay init"),
        (["--datset", "x"], "No such option: --datset", "plan --help"),
    ],
)
def test_wrong_flags(home, shell, flags, says, next_step):
    """A flag that cannot be meant is refused before anything is asked of anybody."""
    asked = len(home.vendor.requests)
    shell.refuses("plan", *flags, says=says, next_step=next_step)
    assert asked == len(home.vendor.requests)


@pytest.mark.parametrize(
    ("text", "says", "next_step"),
    [
        ('[[feed]]\nname = "a"', "forebay.toml, line 1: unknown table or key 'feed'", "Is 'feeds' meant?"),
        ('[[feeds]]\nname = "a"\ndatset = []', "forebay.toml, line 3: unknown key 'datset'", "Is 'datasets' meant?"),
        ('[[feeds]]\nname = "a"\ndatasets = ["stocks/bars"]', "line 3: unknown dataset 'stocks/bars'", "meant?"),
        (
            '[[feeds]]\nname = "a"\ndatasets = ["us_stocks_sip/quotes_v1"]',
            "line 3: us_stocks_sip/quotes_v1 is not",
            "Name",
        ),
        ('[[feeds]]\nname = "a"\ndatasets = ["stocks/bars_1d"]\nstart = 2199-01-01', "line 4: start 2199", "past"),
        ("[[feeds]", "forebay.toml is not TOML", "Correct that line"),
    ],
)
def test_a_typo_in_the_feeds_file(shell, text, says, next_step):
    """A slip in forebay.toml names the file, the line and the nearest right word."""
    Path("forebay.toml").write_text(text, "utf-8")
    shell.refuses("status", says=says, next_step=next_step)


def test_nothing_says_what_to_hold(shell):
    """In an empty folder the way to begin is shown."""
    for command in ("plan", "sync", "status"):
        shell.refuses(command, says="nothing says what to hold", next_step="`forebay init`")


@pytest.mark.parametrize(
    ("settings", "says", "next_step"),
    [
        (
            {"DATABASE_URL": "mysql://me:hush@host/db"},
            "DATABASE_URL (environment): mysql://me:***@host/db",
            "sqlite:///",
        ),
        ({"LAKE_URI": "s3://bucket/lake"}, "LAKE_URI=s3://bucket/lake: the lake lives in a folder", "data/lake"),
        ({"POLYGON_RATE_LIMIT": "many"}, "POLYGON_RATE_LIMIT=many (environment): it must be a whole number", "calls a"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL=LOUD", "Correct LOG_LEVEL"),
        ({"LOG_FILE": "data"}, "the log file data cannot be written", "LOG_FILE"),
    ],
)
def test_wrong_settings(filled, settings, says, next_step):
    """A setting that cannot be used is named with its value, passwords apart, and where it came from."""
    filled.refuses("sync", *HELD, says=says, next_step=next_step, **settings)


def test_the_lake_must_be_a_folder_for_readers_too(filled):
    """A lake elsewhere is refused by every command that reads, not looked for."""
    for command in (["bars", "AAPL"], ["query", "select 1"], ["init"]):
        filled.refuses(*command, says="the lake lives in a folder", next_step="data/lake", LAKE_URI="s3://bucket/lake")


def test_a_file_where_a_folder_belongs(filled):
    """A file in the place of home, lake or staging folder is named; the lake that is elsewhere is left alone."""
    Path("file").write_text("mine", "utf-8")
    where = {"FOREBAY_HOME": "file"}
    filled.refuses("sync", *HELD, code=1, says="the ledger's folder", next_step="DATABASE_URL", **where)
    where = {"LAKE_URI": "file"}
    filled.refuses("sync", *MORE, code=1, says="file/stocks/", next_step="check that the folder", **where)
    filled.refuses("init", code=1, says="file: File exists", next_step="check that the folder", **where)
    assert "mine" == Path("file").read_text("utf-8")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def test_a_ledger_that_is_none(filled):
    """A file that is no database is not touched, and its name is said."""
    _write(Path("other/download_tracker.db"), b"dear diary, " * 100)
    for command in (["sync", *HELD], ["status"], ["tasks", "list"]):
        says = "other/download_tracker.db is not a SQLite database"
        filled.refuses(*command, code=1, says=says, next_step="DATABASE_URL", FOREBAY_HOME="other")
    assert b"dear diary, " * 100 == Path("other/download_tracker.db").read_bytes()


def test_a_ledger_that_is_damaged(filled):
    """Half a ledger is called damaged."""
    _write(Path("other/download_tracker.db"), _settled().read_bytes()[:3000])
    filled.refuses("status", code=1, says="is damaged", next_step="restore it from a backup", FOREBAY_HOME="other")


def _settled() -> Path:
    """The ledger's file, its write-ahead log folded in."""
    with closing(sqlite3.connect(DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return DATABASE


def test_a_newer_ledger(filled):
    """A later version's ledger is refused whole; nothing is written to it."""
    _write(Path("other/download_tracker.db"), _settled().read_bytes())
    with closing(sqlite3.connect("other/download_tracker.db")) as connection, connection:
        connection.execute("UPDATE forebay_revision SET version_num = '9999'")
    before = Path("other/download_tracker.db").read_bytes()
    for command in (["sync", *MORE], ["status"], ["init"]):
        says = "was written by a later Forebay"
        filled.refuses(*command, code=1, says=says, next_step="install that version", FOREBAY_HOME="other")
    assert before == Path("other/download_tracker.db").read_bytes()


def test_a_newer_lake(filled):
    """A later version's lake is neither read nor written, and the tasks say why."""
    shutil.copytree("data/lake", "newer")
    log = Path("newer/stocks/bars_1d/_delta_log/00000000000000000000.json")
    log.write_text(log.read_text("utf-8").replace("Forebay lake format 1", "Forebay lake format 2"), "utf-8")
    before = sorted(Path("newer").rglob("*.*"))
    newer = {"LAKE_URI": "newer"}
    for command in (["bars", "AAPL"], ["query", "select * from stocks.bars_1d"]):
        filled.refuses(*command, code=1, says="lake format 2", next_step="upgrade Forebay", **newer)
    said = filled("sync", "--datasets", "stocks/bars_1d", "--start", "2026-03-05", "--end", "2026-03-05", **newer)
    assert (3, True) == (said.code, "lake format 2" in said.out), said.all
    assert before == sorted(Path("newer").rglob("*.*"))


def test_a_folder_that_may_not_be_written(filled):
    """On a read-only disk what is held can be read, and what would be written says so."""
    with _disk("2m", Path("full")) as full:
        shutil.copytree("data", full / "data")
        _remount(full, "ro")
        where = {"FOREBAY_HOME": f"{full}/data"}
        assert 0 == filled("bars", "AAPL", **where).code
        filled.refuses("sync", *MORE, code=1, says="the ledger", next_step="write", **where)
        filled.refuses("init", code=1, says="", next_step="write", **where)
        assert "FAULT ledger" in filled("doctor", **where).out


@pytest.mark.parametrize("size", ["40k", "420k", "900k"])
def test_a_full_disk(home, shell, size):
    """Wherever the disk fills up, in ledger, staging or lake: one error; with room again the next run completes."""
    with _disk(size, Path("small")) as disk:
        where = {"FOREBAY_HOME": str(disk)}
        shell.refuses("sync", *MORE, code=1, says="", next_step="free some space", **where)
        _remount(disk, "size=60m")
        said = shell("sync", *MORE, **where)
        assert (0, True) == (said.code, "complete: nothing is missing" in said.out), said.all
        assert [] == list(disk.glob("tmp/*"))
        answer = shell("query", "select count(*) as n from stocks.bars_1d", "--json", **where)
        expected = truth(home.vendor, "stocks/bars_1d", START, date(2026, 3, 6))
        assert expected.height == json.loads(answer.out)[0]["n"]


@contextmanager
def _disk(size: str, folder: Path) -> Iterator[Path]:
    """A disk of that size in memory; only root may have one."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _remount(disk: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", disk], check=True)


class _WebPage(BaseHTTPRequestHandler):
    """What a captive portal answers, whatever is asked."""

    def do_GET(self) -> None:
        body = b"<html><body>Please log in to the hotel's network</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the server calls it so

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def portal():
    with ThreadingHTTPServer(("127.0.0.1", 0), _WebPage) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_web_page_instead_of_the_vendor(filled, portal):
    """A page of HTML is no answer, from REST or from the bucket; the address to look at is named."""
    rest = (*ONE, "--source", "rest")
    said = filled("sync", *rest, FOREBAY_REST_URL=portal)
    assert (3, True) == (said.code, "cannot be read as BarsPage" in said.out), said.all
    assert "see that FOREBAY_REST_URL is the vendor" in said.out
    filled.refuses(
        "sync",
        *MORE,
        "--source",
        "flatfiles",
        code=1,
        says="bucket lists no",
        next_step="FOREBAY_FLATFILES_URL",
        FOREBAY_FLATFILES_URL=portal,
    )


def test_a_vendor_that_is_not_there(filled):
    """Nobody listens: the address that was tried and its setting are named."""
    away = {"FOREBAY_FLATFILES_URL": "http://127.0.0.1:9", "FOREBAY_REST_URL": "http://127.0.0.1:9"}
    filled.refuses("sync", *MORE, code=1, says="no whole answer", next_step="FOREBAY_FLATFILES_URL", **away)
    rest = (*ONE, "--source", "rest")
    said = filled("sync", *rest, **away)
    assert (3, True) == (said.code, "Check the network and FOREBAY_REST_URL" in said.out), said.all
    open_start = ("--datasets", "crypto/bars_1d", "--tickers", "X:BTCUSD", "--source", "rest")
    filled.refuses("sync", *open_start, code=1, says="Connection refused", next_step="FOREBAY_REST_URL", **away)


def test_a_port_that_is_taken(home, shell):
    """The simulated vendor says which address it could not have."""
    port = str(home.vendor.port)
    shell.refuses("sandbox", "--port", port, says=f"127.0.0.1:{port}", next_step="another port")
    shell.refuses("sandbox", "--vendor-plan", "advance", says="no vendor plan 'advance'", next_step="advanced")
