"""What looks like a gap and is none, what is one in odd places, and each reason for which one stays."""

from __future__ import annotations

import json
from datetime import date

import polars as pl
import pytest
from homes import HastyClock, Home
from shell import Shell
from spoiling import Vendor

from forebay import Sandbox
from forebay.model.catalogue import BAR_DATASETS, DATASETS
from forebay.model.instrument import asset_class_of

MINUTES, DAYS = (DATASETS[f"us_stocks_sip/{kind}_aggs_v1"] for kind in ("minute", "day"))
START, END = date(2025, 10, 13), date(2025, 11, 21)
SCOPE = ("--start", str(START), "--end", str(END))
MISSING, BAD, HALTED, ONLY_DAY = (date(2025, 10, day) for day in (21, 22, 23, 24))
BY_REST = {"POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}
LISTED = ("SQ", "XYZ", "ATN", "GONE", "KO", "QUIE", "SLOW", "AAPL")
"""Renamed, delisted, a ticker that another company took a month later, and quiet ones."""
SUNDAY = date(2026, 3, 8)
"""Clocks change in New York."""


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    """A vendor without one minute file, with one that fails its checks, a halt, and a day bar that has no minutes."""
    folder = tmp_path_factory.mktemp("own")
    (folder / DAYS.key(ONLY_DAY)).parent.mkdir(parents=True)
    (folder / DAYS.key(ONLY_DAY)).touch()
    faults = [{"kind": "missing", "dataset": MINUTES.name, "date": MISSING}]
    with Sandbox(start=START, end=END, tickers=30, faults=faults, extra_files=folder) as running:
        (folder / DAYS.key(ONLY_DAY)).unlink()
        vendor = Vendor(running, folder)
        vendor.spoil(MINUTES, BAD, lambda rows: rows.with_columns(pl.lit(-1.0).alias("low")))
        vendor.spoil(MINUTES, HALTED, lambda rows: rows.filter(pl.col("ticker") != "KO"))
        vendor.spoil(DAYS, HALTED, _without_trades)
        vendor.spoil(DAYS, ONLY_DAY, lambda rows: pl.concat([rows, rows[:1].with_columns(ticker=pl.lit("ZQZZ"))]))
        yield vendor


def _without_trades(rows: pl.DataFrame) -> pl.DataFrame:
    halted = pl.col("ticker") == "KO"
    return rows.with_columns(pl.when(halted).then(0).otherwise(name).alias(name) for name in ("volume", "transactions"))


@pytest.fixture
def home(tmp_path, vendor):
    return Home(tmp_path, vendor.sandbox)


def gaps(shell: Shell, *args: str, **env: str) -> dict[tuple[str, str], dict]:
    """(symbol, session) to the gap, of everything that a command of gaps says."""
    said = shell("gaps", *args, "--json", **env)
    assert said.code in (0, 3), said.all
    return {(gap["symbol"], gap["day"]): gap for gap in json.loads(said.out)}


def test_what_stays_has_its_reason(shell, vendor, home):
    """Of tickers that were renamed, delisted, taken over, halted or hardly trade only what the vendor lacks is told.

    A session without a file is closed by REST, one whose file is bad or has no minutes of a ticker stays, with the
    reason; of the whole market each such file is one gap.
    """
    tables = ("--datasets", "stocks/bars_1d,stocks/bars_1m", "--source", "flatfiles")
    assert 3 == shell("sync", *tables, *SCOPE).code
    everyone = ("--tickers", *LISTED, "ZQZZ", *SCOPE)
    traded = {"AAPL", "GONE", "KO", "SLOW", "SQ"}
    bad, only = {(name, str(BAD)) for name in traded}, ("ZQZZ", str(ONLY_DAY))

    found = gaps(shell, "scan", *everyone)

    assert bad | {(name, str(MISSING)) for name in traded} | {only} == set(found)
    market = gaps(shell, "scan", *SCOPE)
    assert {("*", str(MISSING)): "missing_upstream", ("*", str(BAD)): "open", only: "open"} == outcomes(market)
    done = gaps(shell, "repair", *everyone)
    assert bad | {only} == {place for place, outcome in outcomes(done).items() if outcome == "missing_upstream"}
    assert {"closed"} == {outcome for (_, day), outcome in outcomes(done).items() if day == str(MISSING)}
    assert "forebay quarantine list" in done["KO", str(BAD)]["reason"]
    assert "is held whole and has no more of it" in done[only]["reason"]
    assert {"missing_upstream"} == {*outcomes(gaps(shell, "repair", *SCOPE)).values()}


def outcomes(found: dict[tuple[str, str], dict]) -> dict[tuple[str, str], str]:
    return {place: gap["outcome"] for place, gap in found.items()}


def test_what_the_vendor_answers_to_be_empty_is_known_empty(shell):
    """The day bar has trades and REST no minutes: asked for once, and from then on the answer is the reason."""
    day = ("--start", str(ONLY_DAY), "--end", str(ONLY_DAY))
    assert 0 == shell("sync", "--datasets", "stocks/bars_1d", *day).code

    done = gaps(shell, "repair", "--tickers", "ZQZZ", *day, **BY_REST)

    assert {("ZQZZ", str(ONLY_DAY)): "known_empty"} == outcomes(done)
    assert done == gaps(shell, "scan", "--tickers", "ZQZZ", *day)


def test_clocks_that_change_and_markets_without_a_close_are_no_gap(tmp_path, monkeypatch, capsys):
    """Around a Sunday of 23 hours in New York crypto and currencies lack nothing; a minute lost of it is found."""
    span = ("--start", "2026-03-06", "--end", "2026-03-09")
    with Sandbox(start=date(2026, 3, 6), end=date(2026, 3, 9), tickers=1) as running:
        home = Home(tmp_path, running)
        shell = Shell(monkeypatch, capsys, home.env)
        assert 0 == shell("sync", "--tickers", "X:BTCUSD", "C:EURUSD", "--source", "rest", *span).code
        searched = ("--tickers", "X:BTCUSD", "C:EURUSD", *span)
        assert {} == gaps(shell, "scan", *searched)
        for name in ("X:BTCUSD", "C:EURUSD"):
            lose_last(home, name)

        found = gaps(shell, "scan", *searched)

        assert {(name, str(SUNDAY)) for name in ("X:BTCUSD", "C:EURUSD")} == set(found)
        assert {("count", 1)} == {(gap["proof"], gap["missing"]) for gap in found.values()}
        assert {"closed"} == {*outcomes(gaps(shell, "repair", *searched)).values()}


def lose_last(home: Home, ticker: str) -> None:
    """Take the last bar of Sunday out of the lake behind the ledger's back."""
    with home.app() as app:
        seen = app.lake.bars([ticker], "1m", SUNDAY, SUNDAY).collect()
        dataset = BAR_DATASETS[f"{asset_class_of(ticker)}/bars_1m"]
        staged = app.tables.stage([seen.clear()], dataset, "lost")
        app.tables.patch_day(staged, SUNDAY, [ticker], seen.select("ticker", "window_start").tail(1), seen)


def test_a_lake_that_is_not_there_is_one_gap_a_session(shell):
    """Nothing was ever fetched: that is said of each session, with its way out, and no table need be there."""
    day = ("--tickers", "AAPL", "--start", str(MISSING), "--end", str(MISSING))

    (gap,) = gaps(shell, "scan", *day).values()

    assert ("coverage", "day", "open") == (gap["proof"], gap["kind"], gap["outcome"])
    assert ["closed"] == [*outcomes(gaps(shell, "repair", *day, **BY_REST)).values()]


def test_a_ticker_that_is_not_there_is_closed_without_a_minute(shell):
    """Where the vendor answers that it has nothing, that is the reason, and no minute is said to have come."""
    day = ("--tickers", "aapl", "--start", str(MISSING), "--end", str(MISSING))

    (gap,) = gaps(shell, "repair", *day, **BY_REST).values()

    assert ("closed", 0) == (gap["outcome"], gap["missing"])
    assert "no minute bars there" in gap["reason"]


def test_each_market_of_each_feed_is_searched(shell, home):
    """A feed of several classes, and feeds that want one class in turn: every session is told once, and of which."""
    classes = "datasets = ['crypto/bars_1m', 'forex/bars_1m']\nstart = 2025-10-21\nend = 2025-10-21"
    first, second = (
        f"datasets = ['stocks/bars_1m']\nstart = 2025-10-{start}\nend = 2025-10-{end}"
        for start, end in ((20, 22), (21, 23))
    )
    feeds = (
        f"[[feeds]]\nname = '{name}'\n{text}\n" for name, text in zip("abc", (classes, first, second), strict=True)
    )
    (home.folder / "forebay.toml").write_text("".join(feeds))

    found = [(gap["table"], gap["day"]) for gap in json.loads(shell("gaps", "scan", "--json").out)]

    stocks = [("stocks/bars_1m", f"2025-10-{day}") for day in (20, 21, 22, 23)]
    assert sorted([*stocks, ("crypto/bars_1m", "2025-10-21"), ("forex/bars_1m", "2025-10-21")]) == sorted(found)
    assert "stocks/bars_1m *" in shell("gaps", "scan").out


def test_trades_that_are_held_clear_a_session(tmp_path, monkeypatch, capsys):
    """Of two sessions the day bars tell little of what is usual; trades that they bear out know for certain."""
    monkeypatch.chdir(tmp_path)
    days = ("--start", "2026-03-05", "--end", "2026-03-06")
    with Sandbox(start=date(2026, 3, 5), end=date(2026, 3, 6)) as running:
        shell = Shell(monkeypatch, capsys, running.env, HastyClock())
        assert 0 == shell("sync", "--datasets", "stocks/bars_1d,stocks/bars_1m", *days, "--no-actions").code
        taken_for_gaps = gaps(shell, "scan", *days)
        assert {"2026-03-05", "2026-03-06"} == {day for _, day in taken_for_gaps}
        assert {"day bar"} == {gap["proof"] for gap in taken_for_gaps.values()}
        assert 0 == shell("sync", "--datasets", "stocks/trades", *days, "--no-actions").code

        assert {} == gaps(shell, "scan", *days)
