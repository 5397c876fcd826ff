"""Planted holes: each is found and no quiet minute is; what the vendor has comes again, the rest is explained."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest
import structlog
from homes import Home
from shell import Shell
from spoiling import a_vendor

import forebay
from forebay.app.backfill import backfill
from forebay.errors import UsageError
from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Evidence
from forebay.settings import load

MINUTES = DATASETS["us_stocks_sip/minute_aggs_v1"]
TABLE = "stocks/bars_1m"
START, END = date(2025, 11, 3), date(2025, 12, 5)
HALF = date(2025, 11, 28)
LOST_FILE, LOST_MINUTE, LACKS = (date(2025, 11, day) for day in (12, 18, 20))
BY_TRADES = date(2025, 12, 8)
"""After the month that is searched: each test has files of its own."""
SCOPE = ("--start", str(START), "--end", str(END))
BY_REST = {"POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}
BOTH = ("--datasets", "stocks/bars_1d,stocks/bars_1m", *SCOPE)


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    with a_vendor(tmp_path_factory.mktemp("own"), MINUTES, START, BY_TRADES, tickers=12) as running:
        yield running


@pytest.fixture
def home(tmp_path, vendor):
    return Home(tmp_path, vendor.sandbox)


def gaps(shell: Shell, *args: str, code: int = 3, **env: str) -> dict[tuple[str, str], dict]:
    """(symbol, session) to the gap, of everything that a command of gaps says."""
    said = shell("gaps", *args, "--json", **env)
    assert code == said.code, said.all
    return {(gap["symbol"], gap["day"]): gap for gap in json.loads(said.out)}


def busiest(vendor, ticker: str, day: date) -> dict:
    """The minute of a session with most trades."""
    return vendor.truth(day).filter(pl.col("ticker") == ticker).sort("transactions").row(-1, named=True)


def lose(home: Home, tickers: list[str], day: date, keep: pl.Expr) -> None:
    """Take bars out of the lake behind the ledger's back."""
    with home.app() as app:
        seen = app.lake.bars(tickers, "1m", day, day).collect()
        staged = app.tables.stage([seen.clear()], MINUTES, "lost")
        gone = seen.filter(~keep).select("ticker", "window_start")
        app.tables.patch_day(staged, day, tickers, gone, seen)


def tickers_of(vendor) -> list[str]:
    found = vendor.truth(LOST_FILE).group_by("ticker").agg(pl.col("transactions").sum()).sort("transactions")
    return found["ticker"].to_list()


def test_holes_of_files_are_found_closed_or_explained(shell, vendor, home):
    """A lost day, a lost minute, a short half day and an hour that the file lacks are all that is found of a month.

    So they are without a ticker, of the market that was asked for: a file whose rows are gone is then one gap.
    """
    *_, short, lacks, lost = tickers_of(vendor)
    everyone = ("--tickers", *tickers_of(vendor), *SCOPE)
    vendor.spoil(MINUTES, LACKS, lambda rows: _until(rows, lacks, datetime(2025, 11, 20, 20, tzinfo=UTC)))
    noon = datetime(2025, 11, 28, 17, tzinfo=UTC)
    vendor.spoil(MINUTES, HALF, lambda rows: _until(rows, short, noon))
    assert shell("sync", *BOTH).code in (0, 3)
    lose(home, tickers_of(vendor), LOST_FILE, pl.lit(value=False))
    lose(home, [lost], LOST_MINUTE, pl.col("window_start") != busiest(vendor, lost, LOST_MINUTE)["window_start"])

    found = gaps(shell, "scan", *everyone)

    whole_day = {(ticker, str(LOST_FILE)) for ticker in tickers_of(vendor)}
    single = {("*", str(LOST_MINUTE)), (lacks, str(LACKS)), (short, str(HALF))}
    assert whole_day | single == set(found)
    market = gaps(shell, "scan", *SCOPE)
    assert single | {("*", str(LOST_FILE))} == set(market)
    assert ("day", "count") == (market["*", str(LOST_FILE)]["kind"], market["*", str(LOST_FILE)]["proof"])
    vendor.mend(MINUTES, HALF)
    done = gaps(shell, "repair", *everyone)
    assert {(lacks, str(LACKS))} == {key for key, gap in done.items() if gap["outcome"] != "closed"}
    assert "missing_upstream" == done[lacks, str(LACKS)]["outcome"]
    assert "forebay trades repair" in done[lacks, str(LACKS)]["reason"]
    assert done[lacks, str(LACKS)]["reason"] == gaps(shell, "scan", *everyone)[lacks, str(LACKS)]["reason"]


def test_a_symbol_by_rest_is_asked_again_for_the_session_alone(shell, vendor, home):
    """Bars that got lost of what REST brought come back by one call for that session; what is good is not touched."""
    name = tickers_of(vendor)[-1]
    with home.app(**BY_REST) as app:
        assert [] == backfill(app, name, START, END)
        before = app.lake.digest(TABLE)
    lose(home, [name], LOST_MINUTE, pl.col("window_start").dt.hour() < 16)
    asked = len(vendor.sandbox.requests)

    done = gaps(shell, "repair", "--tickers", name, *SCOPE, code=0, **BY_REST)

    assert {(name, str(LOST_MINUTE)): "closed"} == {key: gap["outcome"] for key, gap in done.items()}
    assert before == home.lake.digest(TABLE)
    assert 1 == len([one for one in vendor.sandbox.requests[asked:] if "/range/" in one.path])
    assert 0 == shell("registry", "add", name, "--strategy", "flatpack_api").code
    assert {} == gaps(shell, "scan", *SCOPE, code=0)


def test_a_single_minute_that_rest_brought_is_missed_by_count(shell, vendor, home):
    """The quietest minute of a session, gone from the lake: found without day bars or trades, closed by one call.

    A symbol whose bars were not counted when they came has no gap, and is said to be unproven.
    """
    *_, other, name = tickers_of(vendor)
    only = ("--datasets", "stocks/bars_1m", "--tickers", name, other, "--source", "rest", *SCOPE)
    assert 0 == shell("sync", *only, **BY_REST).code
    with home.app() as app:
        rows = app.ledger.coverage.find("lake", TABLE, [other])
        app.ledger.coverage.record(replace(row, evidence=Evidence(rows=row.evidence.rows)) for row in rows)
    for each in (name, other):
        bars = vendor.truth(LOST_MINUTE).filter(pl.col("ticker") == each).sort("transactions", "window_start")
        lose(home, [each], LOST_MINUTE, pl.col("window_start") != bars["window_start"][0])
    searched = ("--tickers", name, other, *SCOPE)

    said = shell("gaps", "scan", *searched, "--json", **BY_REST)

    assert 3 == said.code, said.all
    (gap,) = json.loads(said.out)
    assert (name, str(LOST_MINUTE), "count", 1) == (gap["symbol"], gap["day"], gap["proof"], gap["missing"])
    assert f"{len(session_days('XNYS', START, END))} sessions of 1 symbols came by REST when bars were not" in said.err
    asked = len(vendor.sandbox.requests)
    assert ["closed"] == [each["outcome"] for each in gaps(shell, "repair", *searched, code=0, **BY_REST).values()]
    assert 1 == len([one for one in vendor.sandbox.requests[asked:] if "/range/" in one.path])
    true = vendor.sandbox.market.bars("stocks", "bars_1m", START, END).filter(pl.col("ticker") == name)
    assert (
        true.sort("window_start")["window_start"].to_list() == home.lake.bars(name).collect()["window_start"].to_list()
    )


def test_what_was_never_fetched_is_planned_and_what_fails_is_tried_again(shell, vendor, home):
    """Sessions without minutes are gaps if the day bar says that they traded; a vendor that is away spoils nothing."""
    name = tickers_of(vendor)[-1]
    days = ("--source", "rest", "--tickers", name, *SCOPE)
    assert 0 == shell("sync", *days, "--timeframes", "1d", **BY_REST).code
    searched = ("--tickers", name, *SCOPE)

    found = gaps(shell, "scan", *searched)

    assert {str(day) for day in session_days("XNYS", START, END)} == {day for _, day in found}
    assert {("day", "day bar")} == {(gap["kind"], gap["proof"]) for gap in found.values()}
    away = gaps(shell, "repair", *searched, **BY_REST, FOREBAY_REST_URL="http://127.0.0.1:9")
    assert {"failed"} == {gap["outcome"] for gap in away.values()}
    only = gaps(shell, "repair", *searched, "--budget", "2", **BY_REST)
    assert {"closed", "open"} == {gap["outcome"] for gap in only.values()}
    assert {"closed"} == {gap["outcome"] for gap in gaps(shell, "repair", *searched, code=0, **BY_REST).values()}


@pytest.fixture
def logs_as_a_library():
    """Nobody has set logs up: this process has not run a command."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    if before:
        structlog.configure(**before)


def test_a_backfill_from_python_takes_moments_and_dates(vendor, home):
    """The first moment is of the evening in New York; what is held afterwards are those sessions, whole."""
    name, settings = tickers_of(vendor)[-1], load(environ={**home.env, **BY_REST})

    assert [] == forebay.run_backfill(name, datetime(2025, 11, 4, 2, tzinfo=UTC), "2025-11-05", settings=settings)

    held = home.lake.bars(name).collect()["session_date"].unique(maintain_order=True)
    assert [date(2025, 11, day) for day in (3, 4, 5)] == held.to_list()
    with pytest.raises(UsageError, match="no range of dates"):
        forebay.run_backfill(name, "2025-11-05", "2025-11-04", settings=settings)


def test_a_backfill_from_python_is_quiet(vendor, home, capfd, caplog, logs_as_a_library):
    """It prints nothing of its own; a program that sets logging up has each task that ended."""
    name, settings = tickers_of(vendor)[-1], load(environ={**home.env, **BY_REST})

    assert [] == forebay.run_backfill(name, "2025-11-04", "2025-11-04", settings=settings)
    assert ("", "") == capfd.readouterr()

    with caplog.at_level("DEBUG", "forebay"):
        forebay.run_backfill(name, "2025-11-05", "2025-11-05", settings=settings)
    ended = [record for record in caplog.records if "event='task_ended'" in record.getMessage()]
    assert {"forebay.orchestration.worker"} == {record.name for record in ended}


def test_each_symbol_with_gaps_is_a_line_of_the_log(shell, vendor, home):
    """One JSON object for a symbol: what happened, to whom, how many minutes lack, and how long the silences are."""
    name = tickers_of(vendor)[-1]
    day = ("--tickers", name, "--start", str(LOST_MINUTE), "--end", str(LOST_MINUTE))
    assert 0 == shell("sync", *day, "--source", "rest", "--timeframes", "1d", **BY_REST).code

    said = shell("gaps", "repair", *day, **BY_REST, LOG_FORMAT="json")

    lines = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    told = {line["message"]: line for line in lines if line["message"].startswith("gap_")}
    assert {"gap_detected", "gap_repaired"} == set(told)
    assert {(name, 1, 390 * 60.0)} == {(line["symbol"], line["sessions"], line["duration"]) for line in told.values()}
    assert 1 <= told["gap_detected"]["missing_count"] <= 390


def test_nothing_to_search_is_said(shell):
    """Without a ticker and without a symbol in the registry there is nothing to search, and a way out is named."""
    shell.refuses("gaps", "scan", says="no symbol is named", next_step="forebay gaps scan --tickers AAPL")
    swapped = ("--tickers", "AAPL", "--start", str(END), "--end", str(START))
    shell.refuses("gaps", "repair", *swapped, says="is before the first", next_step="swap them")


@pytest.mark.parametrize("asked", ["scan", "repair"])
def test_dates_to_come_have_no_gaps_yet(shell, asked):
    """That nothing is missing of the future is no proof of anything, and is told apart."""
    said = shell("gaps", asked, "--tickers", "AAPL", "--start", "2090-01-02", "--end", "2090-01-06")
    past = shell("gaps", asked, "--tickers", "AAPL", "--start", str(START), "--end", str(START))

    assert (0, "0 gaps\n") == (said.code, said.out)
    assert "no session of these dates is over" in said.err
    assert "no session of these dates is over" not in past.err


def test_trades_prove_a_single_minute(shell, vendor, home):
    """A minute that the vendor's file lacks, in a day whose trades are held: named by count, and mended by trades."""
    name = tickers_of(vendor)[-1]
    hole = busiest(vendor, name, BY_TRADES)["window_start"]
    vendor.spoil(MINUTES, BY_TRADES, lambda rows: _without(rows, name, hole))
    tables = ("--datasets", "stocks/bars_1d,stocks/bars_1m,stocks/trades")
    assert shell("sync", *tables, "--start", str(BY_TRADES), "--end", str(BY_TRADES)).code in (0, 3)
    asked = ("--tickers", *tickers_of(vendor), "--start", str(BY_TRADES), "--end", str(BY_TRADES))

    (gap,) = gaps(shell, "scan", *asked).values()

    assert (name, "trades", 1) == (gap["symbol"], gap["proof"], gap["missing"])
    reason = gaps(shell, "repair", *asked)[name, str(BY_TRADES)]["reason"]
    assert 0 == shell(*shlex.split(reason.split("`")[1])[1:]).code
    assert {} == gaps(shell, "scan", *asked, code=0)


def _without(rows: pl.DataFrame, ticker: str, minute: datetime) -> pl.DataFrame:
    at = int(minute.timestamp()) * 10**9
    return rows.filter(~((pl.col("ticker") == ticker) & (pl.col("window_start") == at)))


def _until(rows: pl.DataFrame, ticker: str, minute) -> pl.DataFrame:
    at = int(minute.timestamp()) * 10**9
    return rows.filter(~((pl.col("ticker") == ticker) & (pl.col("window_start") >= at)))
