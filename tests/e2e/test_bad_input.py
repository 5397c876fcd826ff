"""Keys, plans, flags, files and settings that are wrong end in one error and a next step; nothing held is lost."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from homes import END, START, HastyClock
from shell import HELD, MORE, ONE, Shell

from forebay import Sandbox

DAYS = ("--datasets", "stocks/bars_1d")
NO_KEYS = {"POLYGON_API_KEY": "", "POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("auto", "POLYGON_API_KEY, or POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY"),
        ("rest", "POLYGON_API_KEY into .env"),
        ("flatfiles", "put POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY"),
    ],
)
def test_no_keys(kept, source, names):
    """Without keys the feed, the dataset and the settings that are missing are named."""
    says = "wants us_stocks_sip/day_aggs_v1, and no key for it is set"
    kept.refuses("sync", *ONE, "--source", source, says=says, next_step=names, **NO_KEYS)
    kept.refuses("plan", *ONE, "--source", source, says=says, next_step=names, **NO_KEYS)


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
def test_wrong_keys(kept, setting, source, says):
    """A key that the vendor does not know is named by its setting, and never shown."""
    said = kept.refuses(
        "sync", *ONE, "--source", source, code=1, says=says, next_step=setting, **{setting: "not-the-right-key"}
    )
    assert "not-the-right-key" not in said.all
    assert 0 == kept("sync", *ONE, "--source", source).code


def test_swapped_keys(kept):
    """The API key typed as the S3 key id is recognised."""
    key = kept.env["POLYGON_API_KEY"]
    kept.refuses("sync", *ONE, says="holds an API key", next_step="S3 access key id", POLYGON_S3_ACCESS_KEY_ID=key)


def test_an_s3_key_without_its_secret(kept):
    """Half a pair of keys is no pair."""
    names = "POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY"
    kept.refuses("plan", *ONE, "--source", "flatfiles", says="no key", next_step=names, POLYGON_S3_SECRET_ACCESS_KEY="")


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
        (
            ["--datasets", "stocks/trades", "--tickers", "AAPL", "--into", "files"],
            "us_stocks_sip/trades_v1 does not go into files of tickers",
            "stocks/bars_1m",
        ),
        (["--datasets", "stocks/trades", "--source", "rest"], "wants us_stocks_sip/trades_v1 by REST", "flat files"),
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
            '[[feeds]]\nname = "a"\ndatasets = ["us_stocks_sip/quotes_v1"]\ninto = ["files"]',
            "line 3: us_stocks_sip/quotes_v1 does not go",
            "stocks/bars_1m",
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
        ({"LAKE_URI": "gs://bucket/lake"}, "gs:// is no place for a lake", "data/lake"),
        ({"POLYGON_RATE_LIMIT": "many"}, "POLYGON_RATE_LIMIT=many (environment): it must be a whole number", "calls a"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL=LOUD", "Correct LOG_LEVEL"),
        ({"LOG_FILE": "data"}, "the log file data cannot be written", "LOG_FILE"),
    ],
)
def test_wrong_settings(kept, settings, says, next_step):
    """A setting that cannot be used is named with its value, passwords apart, and where it came from."""
    kept.refuses("sync", *HELD, says=says, next_step=next_step, **settings)


def test_readers_look_for_no_lake_in_a_wrong_place(kept):
    """An address that is none is refused by every command that reads, not looked for."""
    for command in (["bars", "AAPL"], ["query", "select 1"], ["init"]):
        kept.refuses(*command, says="no place for a lake", next_step="data/lake", LAKE_URI="gs://bucket/lake")


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


def test_a_web_page_instead_of_the_vendor(kept, portal):
    """A page of HTML is no answer, from REST or from the bucket; the address to look at is named."""
    rest = (*ONE, "--source", "rest")
    said = kept("sync", *rest, FOREBAY_REST_URL=portal)
    assert (3, True) == (said.code, "cannot be read as BarsPage" in said.out), said.all
    assert "see that FOREBAY_REST_URL is the vendor" in said.out
    kept.refuses(
        "sync",
        *MORE,
        "--source",
        "flatfiles",
        code=1,
        says="bucket lists no",
        next_step="FOREBAY_FLATFILES_URL",
        FOREBAY_FLATFILES_URL=portal,
    )


def test_a_vendor_that_is_not_there(kept):
    """Nobody listens: the address that was tried and its setting are named."""
    away = {"FOREBAY_FLATFILES_URL": "http://127.0.0.1:9", "FOREBAY_REST_URL": "http://127.0.0.1:9"}
    kept.refuses("sync", *MORE, code=1, says="no whole answer", next_step="FOREBAY_FLATFILES_URL", **away)
    rest = (*ONE, "--source", "rest")
    said = kept("sync", *rest, **away)
    assert (3, True) == (said.code, "Check the network and FOREBAY_REST_URL" in said.out), said.all
    open_start = ("--datasets", "crypto/bars_1d", "--tickers", "X:BTCUSD", "--source", "rest")
    kept.refuses("sync", *open_start, code=1, says="Connection refused", next_step="FOREBAY_REST_URL", **away)


def test_a_port_that_is_taken(home, shell):
    """The simulated vendor says which address it could not have."""
    port = str(home.vendor.port)
    shell.refuses("sandbox", "--port", port, says=f"127.0.0.1:{port}", next_step="another port")
    shell.refuses("sandbox", "--vendor-plan", "advance", says="no vendor plan 'advance'", next_step="advanced")
