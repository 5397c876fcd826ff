"""From discovery to a feed that follows a category: as typed, against the simulated vendor."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from homes import END, START, Home
from redis_server import redis_server
from shell import Shell

from forebay import Sandbox
from forebay.model.calendar import NEW_YORK
from forebay.orchestration.celery.broker import Broker
from forebay.orchestration.celery.queues import DISCOVERY
from forebay.symbols.universe_file import read_listings, read_universe

FOLLOWING = """
[[feeds]]
name = "funds"
datasets = ["stocks/bars_1d"]
universe = "etf"
start = 2026-03-05
end = 2026-03-06
"""


def today() -> str:
    """The vendor's date, as files and tasks name it."""
    return datetime.now(UTC).astimezone(NEW_YORK).date().isoformat()


def file_of(category: str) -> Path:
    return Path("universe") / f"{category}_{today().replace('-', '')}.json"


def asked(vendor: Sandbox, path: str = "/v3/reference/") -> list[str]:
    return [request.query for request in vendor.requests if request.path.startswith(path)]


def test_a_discovery_writes_a_universe_file(shell):
    """It prints where the file is; the file is what bulk commands take; the task and its coverage are recorded."""
    said = shell("discover", "us_equities")
    assert 0 == said.code, said.all
    tickers = [listing.ticker for listing in read_listings([str(file_of("us_equities"))])]
    assert f"us_equities: {len(tickers)} tickers as of {today()}, in {file_of('us_equities')}\n" == said.out
    assert {"AAPL", "NA", "BRK.B"} <= set(tickers)
    assert f"reference/us_equities/{today()}" in shell("tasks", "list", "--state", "completed").out


def test_a_limit_takes_the_first_and_one_page(shell, vendor):
    """In byte order; the file says that it is a part; the answer is the same as JSON."""
    before = len(asked(vendor))
    said = shell("discover", "us_equities", "--limit", "3", "--json")
    assert {"category": "us_equities", "count": 3, "active": 3, "complete": False, "state": "completed"}.items() <= (
        json.loads(said.out).items()
    )
    assert before + 1 == len(asked(vendor))
    universe = read_universe(Path(json.loads(said.out)["file"]))
    assert (["AAP", "AAPL", "AMZN"], False) == ([one.ticker for one in universe.listings], universe.complete)


def test_everything_at_once(shell):
    """Each category gets its file; options are skipped with a line, unless an underlying bounds them."""
    said = shell("discover", "all", "--limit", "2")
    assert 0 == said.code
    assert "note: options are skipped" in said.err
    names = ("us_equities", "etf", "crypto", "fx", "indices", "otc")
    assert {file_of(name).name for name in names} == {path.name for path in Path("universe").iterdir()}
    said = shell("discover-all", "--underlying", "AAPL,SPY", "--limit", "2", "--json")
    assert {*names, "options"} == {found["category"] for found in json.loads(said.out)}
    assert "skipped" not in said.err


def test_options_of_a_window(shell):
    """An underlying and the days on which contracts expire, both included."""
    window = ("--expires-from", "2026-12-01", "--expires-to", "2026-12-31")
    said = shell("discover", "options", "--underlying", "AAPL", *window)
    assert 0 == said.code, said.all
    assert {"O:AAPL2612"} == {one.ticker[:10] for one in read_listings([str(file_of("options"))])}


@pytest.mark.parametrize(
    ("arguments", "says", "next_step"),
    [
        (("us_equity",), "unknown category 'us_equity'", "did you mean 'us_equities'"),
        (("etf", "--limit", "0"), "a limit of 0", "leave --limit out"),
        (("etf", "--as-of", "2999-01-01"), "2999-01-01 is in the future", "leave --as-of out"),
        (("etf", "--search", "no such fund"), "no ticker is listed", "leave a filter out"),
        (("etf", "--out", "."), ". is a folder", "name a file"),
        (("etf", "--underlying", "SPY"), "etf have no underlying", "options alone"),
        (("options",), "hundreds of thousands of option contracts", "--underlying"),
        (("all", "--exchange", "XNAS"), "--exchange goes with one category", "name the category"),
    ],
)
def test_what_cannot_be_discovered(shell, arguments, says, next_step):
    """Each mistake is named before anything is written."""
    shell.refuses("discover", *arguments, says=says, next_step=next_step)
    assert not Path("universe").exists()


def test_keys_that_are_missing(shell):
    """Reference needs the API key, and says so; nothing is queued for nobody."""
    keys = {"POLYGON_API_KEY": ""}
    shell.refuses("discover", "etf", says="no API key", next_step="POLYGON_API_KEY", **keys)
    shell.refuses("discover", "etf", code=1, says="401", next_step="POLYGON_API_KEY", POLYGON_API_KEY="wrong")


def test_the_help_lists_the_categories(shell):
    """As users of the earlier system look them up."""
    said = shell("discover", "--help").out
    assert all(name in said for name in ["us_equities", "etf", "crypto", "fx", "options", "indices", "otc", "all"])


def test_a_queued_discovery_is_any_workers(shell):
    """`--async` ends at once; whichever worker takes the task writes the file, wherever it is to be."""
    said = shell("discover", "etf", "--out", "lists/funds.json", "--async", "--json")
    assert f"reference/etf/{today()}?out=" in json.loads(said.out)[0]["key"]
    assert not Path("lists").exists()
    assert 0 == shell("worker", "--once").code
    assert ["QQQ", "SPY"] == [one.ticker for one in read_listings(["lists/funds.json"])][:2]
    assert not file_of("etf").exists()


def test_celery_workers_are_told(shell):
    """With Redis configured, a queued discovery is hinted at once, in the queue of its workers."""
    with redis_server() as server:
        said = shell("discover", "etf", "--async", "--json", REDIS_URL=server.url)
        broker = Broker(server.url)
        assert {json.loads(said.out)[0]["task"]} == broker.hinted(DISCOVERY)
        broker.close()


def test_a_broker_that_is_down(shell):
    """With Redis configured and away, nothing is half-queued."""
    shell.refuses("discover", "etf", "--async", code=1, says="Redis", next_step="", REDIS_URL="redis://127.0.0.1:1/0")
    assert "etf" not in shell("tasks", "list").out


def test_a_list_that_breaks_off_changes_nothing(tmp_path, monkeypatch, capsys):
    """Faults that pass are waited out; with one that lasts, table and file stay as they were, and it is told why."""
    rules = [{"kind": "server_error", "request": "reference", "times": 2}]
    lasting = [{"kind": "cut", "path": "/v3/reference/tickers"}]
    monkeypatch.chdir(tmp_path)
    with Sandbox(start=START, end=END, tickers=8, faults=rules) as vendor:
        shell = Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"})
        assert 0 == shell("discover", "us_equities").code
    before = file_of("us_equities").read_bytes()
    with Sandbox(start=START, end=END, tickers=20, faults=lasting) as vendor:
        shell.env |= vendor.env
        shell.refuses(
            "discover", "us_equities", code=1, says="no whole answer from the vendor", next_step="tries it again"
        )
    assert before == file_of("us_equities").read_bytes()
    assert 5 == json.loads(shell("universe", "list", "--json").out)["categories"][0]["active"]


def test_universes_are_shown_and_compared(shell):
    """By file and by category; who joined since a file was written."""
    assert 0 == shell("discover", "us_equities", "--as-of", "2025-10-10", "--out", "then.json").code
    assert 0 == shell("discover", "us_equities").code
    assert "us_equities" in shell("universe", "list").out
    assert str(file_of("us_equities")) in shell("universe", "list").out
    tickers = shell("universe", "show", "us_equities", "--tickers").out.split()
    assert sorted(tickers) == tickers
    shown = json.loads(shell("universe", "show", "us_equities", "--json").out)
    assert shown == json.loads(file_of("us_equities").read_text())
    found = json.loads(shell("universe", "diff", "then.json", "--json").out)
    assert ["ATN", "NEWB"] == [one["ticker"] for one in found["joined"]]
    assert ["ATN", "GONE"] == [one["ticker"] for one in found["left"]]
    assert [["SQ", "XYZ"]] == [[one["ticker"] for one in pair] for pair in found["renamed"]]
    said = shell("universe", "diff", "then.json", str(file_of("us_equities")))
    assert "2 joined, 2 left, 1 were renamed" in said.out
    assert "> SQ is XYZ" in said.out
    assert 0 == shell("universe", "merge", "then.json", str(file_of("us_equities")), "--out", "both.json").code
    assert {"SQ", "XYZ", "GONE"} <= {one.ticker for one in read_universe(Path("both.json")).listings}


def test_universe_files_that_are_none(shell):
    """Every command that reads one names what is wrong."""
    Path("list.json").write_text('["AAPL"]')
    shell.refuses("universe", "show", "list.json", says="list.json: it is no universe", next_step="discover")
    shell.refuses("universe", "show", "crypto", says="nobody is known of crypto", next_step="forebay discover crypto")
    shell.refuses("universe", "diff", "no.json", "list.json", says="there is no file no.json", next_step="discover")


def test_a_feed_follows_a_category(shell, vendor):
    """`sync` discovers what a feed follows, fetches those tickers and no other, and asks again a day later."""
    Path("forebay.toml").write_text(FOLLOWING)
    shell.refuses("plan", says="universe etf was never discovered", next_step="forebay discover etf")
    assert 0 == shell("sync", "--feeds", "forebay.toml").code
    funds = [one.ticker for one in read_universe(file_of("etf")).listings]
    sql = "select distinct ticker from stocks.bars_1d order by 1"
    assert funds == [row["ticker"] for row in json.loads(shell("query", sql, "--json").out)]
    assert "etf" in shell("feeds", "list").out
    before = len(asked(vendor))
    assert 0 == shell("sync").code
    assert before == len(asked(vendor))
    shell.clock.sleep(timedelta(hours=25).total_seconds())
    assert 0 == shell("sync").code
    assert before < len(asked(vendor))


def test_a_feed_goes_on_with_the_list_it_has(tmp_path, monkeypatch, capsys):
    """A refresh that fails is told; the feed holds the tickers of the last list."""
    monkeypatch.chdir(tmp_path)
    Path("forebay.toml").write_text(FOLLOWING)
    with Sandbox(start=START, end=END, tickers=8) as vendor:
        shell = Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"})
        assert 0 == shell("discover", "etf").code
    shell.clock.sleep(timedelta(hours=25).total_seconds())
    rules = [{"kind": "not_entitled", "path": "/v3/reference/tickers"}]
    with Sandbox(start=START, end=END, tickers=8, faults=rules) as vendor:
        shell.env |= vendor.env
        said = shell("sync")
    assert "note: reference/etf was not refreshed" in said.err
    assert [{"ticker": "SPY"}] == json.loads(shell("query", "select distinct ticker from stocks.bars_1d", "--json").out)


@pytest.mark.parametrize(
    ("lines", "says", "next_step"),
    [
        ('universe = "etfs"', "unknown universe 'etfs'", "'etf'"),
        ('universe = "options"', "unknown universe 'options'", "Known"),
        ('universe = "etf"\nsymbols = ["SPY"]', "a feed names symbols or follows a universe", "Take one"),
    ],
)
def test_a_feed_that_cannot_follow(shell, lines, says, next_step):
    """The file and the line are named."""
    Path("forebay.toml").write_text(f'[[feeds]]\nname = "x"\ndatasets = ["stocks/bars_1d"]\n{lines}\n')
    said = shell.refuses("plan", says=says, next_step=next_step)
    assert "forebay.toml, line 4" in said.err


def test_a_feed_of_the_ledger_follows_too(home: Home):
    """What is remembered of a feed includes the category."""
    from forebay.feeds_file import read_feeds

    file = home.folder / "forebay.toml"
    file.write_text(FOLLOWING)
    with home.app() as app:
        app.ledger.feeds.remember(read_feeds(file)[0])
        assert read_feeds(file) == list(app.ledger.feeds.list())
