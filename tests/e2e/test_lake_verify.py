"""The lake verified: what is wrong is named by date, ticker and reason, and the command that is given mends it."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from homes import Home
from s3_server import a_bucket
from shell import Shell
from spoiling import a_vendor

from forebay import Sandbox
from forebay.model.catalogue import DATASETS

MINUTES, DAYS = (DATASETS[f"us_stocks_sip/{name}_v1"] for name in ("minute_aggs", "day_aggs"))
BOTH = "stocks/bars_1d,stocks/bars_1m"
START, END = date(2025, 11, 17), date(2025, 12, 5)
THIRD, CLOSELESS, DAMAGED, WRONG_DAY, OTHER_CLOSE = (date(2025, 11, day) for day in (18, 19, 20, 21, 24))
BY_TRADES = date(2025, 11, 25)
BEFORE = date(2025, 11, 17)
"""A day without a fault."""


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    with a_vendor(tmp_path_factory.mktemp("own"), MINUTES, START, END, tickers=24) as running:
        yield running


@pytest.fixture
def home(tmp_path, vendor):
    return Home(tmp_path, vendor.sandbox)


def sync(shell: Shell, *days: date, tables: str = BOTH) -> None:
    """Hold these days; whatever becomes of the verdict."""
    for day in days:
        assert shell("sync", "--datasets", tables, "--start", str(day), "--end", str(day)).code in (0, 3)


def reasons(shell: Shell, *flags: str, code: int = 3) -> dict[tuple[str, str, str], dict]:
    """(date, table, check) to the reason, of everything that `lake verify` says."""
    said = shell("lake", "verify", "--json", *flags)
    assert code == said.code, said.all
    return {
        (session["date"], session["table"], reason["check"]): reason
        for session in json.loads(said.out)
        for reason in session["reasons"]
    }


def run(shell: Shell, command: str) -> None:
    """Type a command as it was told."""
    name, *words = shlex.split(command)
    assert "forebay" == name
    said = shell(*words)
    assert 0 == said.code, said.all


def parquet(home: Home, table: str, day: date) -> Path:
    return next((home.folder / "data/lake" / table).rglob(f"{day}__{day}__flatfile__*.parquet"))


def test_a_sound_lake_gets_full_marks(shell, vendor):
    """Exit code 0, 100 points for every session, whatever is compared; and nobody was asked without --grouped."""
    sync(shell, BEFORE)

    said = shell("lake", "verify", "--deep", "--grouped", "--json")

    sessions = json.loads(said.out)
    assert 0 == said.code, said.all
    assert {("stocks/bars_1d", 100), ("stocks/bars_1m", 100)} == {(each["table"], each["score"]) for each in sessions}
    assert "2 sessions verified, 0 with something wrong" in shell("lake", "verify", POLYGON_API_KEY="").out


def test_minutes_that_lack_volume_are_found_and_mended(shell, vendor):
    """One ticker has a third of its day bar's volume: named, and right again after the command that is told."""
    third = pl.when(pl.col("ticker") == "AAPL").then(pl.col("volume") / 3).otherwise(pl.col("volume"))
    vendor.spoil(MINUTES, THIRD, lambda rows: rows.with_columns(third.alias("volume")))
    sync(shell, THIRD)

    found = reasons(shell, "--datasets", "stocks/bars_1m")

    reason = found[str(THIRD), "stocks/bars_1m", "volume"]
    assert [(str(THIRD), "stocks/bars_1m", "volume")] == list(found)
    assert ["AAPL"] == reason["tickers"]
    assert f"forebay trades repair --date {THIRD} --tickers AAPL" == reason["remedy"]
    run(shell, reason["remedy"])
    assert {} == reasons(shell, code=0)


def test_a_lacking_close_is_found_and_mended(shell, vendor):
    """Tickers without the minute in which they closed are named, each with its last, and repaired by the command."""
    close = int(datetime(2025, 11, 19, 20, 59, tzinfo=UTC).timestamp()) * 10**9
    chosen = ["AAPL", "MSFT", "XOM", "KO"]
    late = pl.col("ticker").is_in(chosen) & (pl.col("window_start") >= close - 5 * 60 * 10**9)
    vendor.spoil(MINUTES, CLOSELESS, lambda rows: rows.filter(~late))
    sync(shell, CLOSELESS)

    reason = reasons(shell)[str(CLOSELESS), "stocks/bars_1m", "closing_minute"]

    assert set(reason["tickers"]) <= set(chosen)
    assert len(reason["tickers"]) >= 3
    assert "closed at" in reason["text"]
    run(shell, reason["remedy"])
    assert {} == reasons(shell, code=0)


def test_a_damaged_file_is_found_and_mended(shell, vendor, home):
    """A file that rotted is named, other days stay as they were, and the command that is told brings its rows back."""
    sync(shell, BEFORE, DAMAGED)
    before = home.lake.digest("stocks/bars_1m")
    path, other = parquet(home, "stocks/bars_1m", DAMAGED), parquet(home, "stocks/bars_1m", BEFORE)
    kept, body = other.read_bytes(), bytearray(path.read_bytes())
    body[len(body) // 3] ^= 4
    path.write_bytes(body)

    found = reasons(shell, "--deep")

    assert {(str(DAMAGED), "stocks/bars_1m", "damaged")} == set(found)
    reason = found[str(DAMAGED), "stocks/bars_1m", "damaged"]
    assert path.name in reason["text"]
    run(shell, reason["remedy"])
    assert {} == reasons(shell, "--deep", code=0)
    assert before == home.lake.digest("stocks/bars_1m")
    assert kept == other.read_bytes()


def test_a_damaged_month_is_mended_day_by_day(shell, vendor, home):
    """A compacted file holds several sessions: all of them are named, and all are loaded again by one command."""
    sync(shell, BEFORE, DAMAGED, tables="stocks/bars_1m")
    before = home.lake.digest("stocks/bars_1m")
    assert 0 == shell("lake", "compact", "--datasets", "stocks/bars_1m").code
    (path,) = {Path(file) for file in DeltaTable(str(home.folder / "data/lake/stocks/bars_1m")).file_uris()}
    path.write_bytes(path.read_bytes()[:-1])

    found = reasons(shell)

    assert {(str(day), "stocks/bars_1m", "damaged") for day in (BEFORE, DAMAGED)} == set(found)
    run(shell, found[str(DAMAGED), "stocks/bars_1m", "damaged"]["remedy"])
    assert {} == reasons(shell, "--deep", code=0)
    assert before == home.lake.digest("stocks/bars_1m")


def test_a_lake_in_a_bucket_is_verified_and_mended_alike(shell, vendor):
    """An object that is gone is named, and back after the command that is told."""
    with a_bucket() as bucket:
        keys = {"AWS_ACCESS_KEY_ID": bucket.key_id, "AWS_SECRET_ACCESS_KEY": bucket.secret}
        there = {"LAKE_URI": f"s3://{bucket.name}/market", "AWS_ENDPOINT_URL": bucket.endpoint, **keys}
        shell = replace(shell, env={**shell.env, **there})
        sync(shell, BEFORE, DAMAGED, tables="stocks/bars_1d")
        before = bucket.keys()
        (key,) = [key for key in before if f"/{DAMAGED}__" in key]
        bucket.client.delete_object(Bucket=bucket.name, Key=key)

        found = reasons(shell, "--deep")

        assert [(str(DAMAGED), "stocks/bars_1d", "damaged")] == list(found)
        run(shell, found[str(DAMAGED), "stocks/bars_1d", "damaged"]["remedy"])
        assert {} == reasons(shell, "--deep", code=0)
        after = bucket.keys()
        assert key in after


def test_a_file_of_another_day_is_refused_and_replayed(shell, vendor):
    """Its session is missing, with what the quarantine says; once the vendor mended it the command brings it."""
    vendor.spoil(DAYS, WRONG_DAY, lambda rows: rows.with_columns(pl.col("window_start") + 86_400 * 10**9))
    sync(shell, WRONG_DAY, tables="stocks/bars_1d")

    reason = reasons(shell)[str(WRONG_DAY), "stocks/bars_1d", "missing"]
    assert "outside_session_date" in reason["text"]
    assert reason["remedy"].startswith("forebay quarantine replay ")
    assert 3 == shell(*shlex.split(reason["remedy"])[1:]).code
    vendor.mend(DAYS, WRONG_DAY)
    run(shell, reason["remedy"])

    assert {} == reasons(shell, code=0)
    assert "nothing is in quarantine" in shell("quarantine", "list").out
    assert "replayed" in shell("quarantine", "list", "--ended").out


def test_another_close_than_grouped_daily_is_told(shell, vendor):
    """A day bar that REST has otherwise is named with the field; only --grouped asks."""
    cents = pl.when(pl.col("ticker") == "MSFT").then(pl.col("high")).otherwise(pl.col("close"))
    vendor.spoil(DAYS, OTHER_CLOSE, lambda rows: rows.with_columns(cents.alias("close")))
    sync(shell, OTHER_CLOSE, tables="stocks/bars_1d")

    assert {} == reasons(shell, code=0)
    reason = reasons(shell, "--grouped")[str(OTHER_CLOSE), "stocks/bars_1d", "grouped"]

    assert ["MSFT"] == reason["tickers"]
    assert "another close" in reason["text"]


def test_bars_that_are_not_their_trades_are_told(shell, vendor):
    """A close inside the minute's range, as only the trades know it: told where the lake holds them, and repaired."""
    busy = (pl.col("ticker") == "AAPL") & (pl.col("high") > pl.col("low"))
    moved = pl.when(busy & (pl.col("close") == pl.col("low"))).then(pl.col("high")).otherwise(pl.col("close"))
    vendor.spoil(MINUTES, BY_TRADES, lambda rows: rows.with_columns(moved.alias("close")))
    sync(shell, BY_TRADES)
    assert {} == reasons(shell, "--deep", code=0)
    sync(shell, BY_TRADES, tables="stocks/trades")

    reason = reasons(shell, "--deep", "--datasets", "stocks/bars_1m")[str(BY_TRADES), "stocks/bars_1m", "trades"]

    assert ["AAPL"] == reason["tickers"]
    assert "minutes differing" in reason["text"]
    sampled = [shell("lake", "verify", "--json", "--seed", str(seed)).out for seed in (1, 1)]
    assert sampled[0] == sampled[1]
    run(shell, reason["remedy"])
    assert {} == reasons(shell, "--deep", code=0)


def test_a_session_that_feeds_want_and_nobody_holds_is_missing(shell, vendor, home):
    """A lake that lost a whole day is told by what the ledger recorded, and mended."""
    sync(shell, BEFORE, DAMAGED, tables="stocks/bars_1d")
    with home.app() as app:
        app.tables.set_aside("stocks/bars_1d", [f"year=2025/{parquet(home, 'stocks/bars_1d', DAMAGED).name}"])

    found = reasons(shell)

    assert [(str(DAMAGED), "stocks/bars_1d", "lost_rows")] == list(found)
    run(shell, found[str(DAMAGED), "stocks/bars_1d", "lost_rows"]["remedy"])
    assert {} == reasons(shell, code=0)


def test_what_the_vendor_is_known_for_is_no_surprise(tmp_path, monkeypatch, capsys):
    """A closing minute that lacks in January 2025 is said to be known, and weighs what it weighs."""
    day = date(2025, 1, 15)
    rule = {"kind": "closing_minute_missing", "dataset": MINUTES.name, "date": day}
    with Sandbox(start=day, end=day, tickers=32, faults=[rule]) as sandbox:
        home = Home(tmp_path, sandbox)
        monkeypatch.chdir(home.folder)
        shell = Shell(monkeypatch, capsys, {**sandbox.env, "FOREBAY_HOME": "data"})
        assert "nothing was verified" in shell("lake", "verify").err
        sync(shell, day)

        reason = reasons(shell)[str(day), "stocks/bars_1m", "closing_minute"]

        assert "closing_minute_missing" == reason["known"]
        assert reason["cost"] > 0
        assert "known: closing_minute_missing" in shell("lake", "verify").out


def test_known_defects_are_put_right_and_recorded(tmp_path, monkeypatch, capsys):
    """The file of 2019-08-12 comes with the next day's times: mended on the way in, and said ever after."""
    late = date(2019, 8, 12)
    rule = {"kind": "window_start_a_day_late", "dataset": DAYS.name, "date": late}
    with Sandbox(start=date(2019, 8, 9), end=date(2019, 8, 14), tickers=8, faults=[rule]) as sandbox:
        home = Home(tmp_path, sandbox)
        monkeypatch.chdir(home.folder)
        shell = Shell(monkeypatch, capsys, {**sandbox.env, "FOREBAY_HOME": "data"})
        sync(shell, late, tables="stocks/bars_1d")

        defects = {each["name"]: each for each in json.loads(shell("lake", "defects", "--json").out)}

        held = home.lake.bars(None, "1d", asset_class="stocks").collect()
        assert [str(late)] == defects["window_start_one_day_late"]["fixed"]
        assert held.height == defects["window_start_one_day_late"]["rows_fixed"] > 0
        assert [late] == held["window_start"].dt.convert_time_zone("America/New_York").dt.date().unique().to_list()
        assert "fixed: window_start_one_day_late" in shell("lake", "verify").out
        assert "window_start_one_day_late" in shell("lake", "defects").out
        with home.app() as app:
            app.ledger.coverage.withdraw(app.ledger.coverage.find("lake"))
        assert 0 == shell("ledger", "rebuild").code
        assert "fixed: window_start_one_day_late" in shell("lake", "verify").out
