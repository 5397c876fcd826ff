"""Kafka as a destination: what the lake holds of chosen tickers, on a real broker."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from homes import END, Home
from kafka_server import Broker, free_port
from shell import Shell

from forebay import Sandbox
from forebay.sinks.kafka.codec import decode
from forebay.sinks.kafka.topics import encode_symbol
from forebay.testing import FakeClock

_numbers = count(1)
TICKERS = ("AAPL", "X:BTCUSD")
ASKED = ("sync", "--tickers", *TICKERS, "--start", "2026-02-26", "--end", "2026-03-03", "--into", "kafka")
"""Days of two months, of a ticker with sessions and one that never rests."""
SIZES = ("--timeframes", "1m,1d")


@pytest.fixture(scope="module")
def vendor() -> Iterator[Sandbox]:
    with Sandbox(start=date(2026, 2, 19), end=END, tickers=10) as running:
        yield running


@pytest.fixture
def prefix() -> str:
    return f"e2e{next(_numbers)}"


@pytest.fixture
def shell(shell: Shell, kafka: Broker, prefix: str) -> Shell:
    """The command line with a Kafka of its own prefix."""
    shell.env |= {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "KAFKA_TOPIC_PREFIX": prefix, "KAFKA_TIMEOUT": "20"}
    return shell


def sent(kafka: Broker, prefix: str, ticker: str) -> list[tuple[object, ...]]:
    """What a ticker's topic of held bars has, as rows."""
    read = [decode(message.value()) for message in kafka.read(f"{prefix}.backfill.{encode_symbol(ticker)}")]
    return [
        (bar.timeframe, bar.timestamp, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.vwap, bar.transactions,
         bar.source)
        for bar in read
    ]  # fmt: skip


def held(home: Home, ticker: str) -> list[tuple[object, ...]]:
    """What the lake has of it, day and minute bars, as rows of the same form."""
    sizes = [home.lake.bars(ticker, size).collect().with_columns(size=pl.lit(size)) for size in ("1m", "1d")]
    rows = pl.concat(sizes).with_columns(millis=pl.col("window_start").dt.epoch("ms"))
    columns = ["size", "millis", "open", "high", "low", "close", "volume", "vwap", "transactions", "source"]
    return sorted(rows.select(columns).iter_rows())


def test_held_bars_are_in_kafka(shell: Shell, home: Home, kafka: Broker, prefix: str) -> None:
    """Every bar of the lake is in its ticker's topic once, and a second run sends nothing."""
    said = shell(*ASKED, *SIZES)
    assert 0 == said.code, said.all
    for ticker in TICKERS:
        assert held(home, ticker) == sorted(sent(kafka, prefix, ticker))
    again = shell(*ASKED, *SIZES)
    assert 0 == again.code, again.all
    for ticker in TICKERS:
        assert len(held(home, ticker)) == len(sent(kafka, prefix, ticker))
    status = shell("status", "AAPL", "--json").out
    assert f"kafka:{prefix}@{kafka.address}" in status


def test_a_day_that_is_published_anew_is_sent_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, kafka: Broker, prefix: str
) -> None:
    """Of each bar that the lake has the last message is as it has it now; other days are not sent again."""
    changed = date(2026, 3, 6)
    rules = [{"kind": "replaced", "dataset": "us_stocks_sip/minute_aggs_v1", "date": changed, "reads": 1}]
    with Sandbox(start=date(2026, 3, 2), end=END, tickers=8, faults=rules) as vendor:
        names = sorted(set(vendor.market.bars("stocks", "bars_1m", changed, changed)["ticker"]))
        home = Home(tmp_path, vendor)
        monkeypatch.chdir(tmp_path)
        own = {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "KAFKA_TOPIC_PREFIX": prefix, "FOREBAY_HOME": "data"}
        shell = Shell(monkeypatch, capsys, vendor.env | own)
        asked = (
            "sync",
            "--tickers",
            *names,
            "--datasets",
            "stocks/bars_1m",
            "--source",
            "flatfiles",
            "--into",
            "kafka",
        )
        runs = [shell(*asked, "--start", "2026-03-05", "--end", "2026-03-09") for _ in range(2)]
    assert [0, 0] == [run.code for run in runs], runs[1].all
    replaced = 0
    for name in names:
        rows, bars = sent(kafka, prefix, name), home.lake.bars(name, "1m").collect()
        last = {row[1]: (row[5], row[6]) for row in rows}
        held_now = bars.select(pl.col("window_start").dt.epoch("ms"), "close", "volume").iter_rows()
        assert {millis: (close, volume) for millis, close, volume in held_now}.items() <= last.items()
        others = bars.filter(pl.col("session_date") != changed)["window_start"].dt.epoch("ms")
        assert {1} == set(Counter(row[1] for row in rows if row[1] in set(others)).values())
        replaced += len(set(rows)) - len(last)
    assert replaced


@pytest.mark.parametrize(("point", "twice"), [("send.flushed:1", True), ("send.recorded:1", False)])
def test_killed_between_months(
    shell: Shell, home: Home, kafka: Broker, prefix: str, point: str, *, twice: bool
) -> None:
    """Killed between two months, a rerun sends the rest: nothing is missing, and one month at most came twice."""
    asked = ("sync", "--tickers", "AAPL", *ASKED[4:], "--timeframes", "1m")
    names = ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC_PREFIX")
    killed = home.run(*asked, FOREBAY_FAILPOINT=point, **{name: shell.env[name] for name in names})
    assert -signal.SIGKILL == killed.returncode, killed.stderr
    said = shell(*asked)
    assert 0 == said.code, said.all
    rows, expected = sent(kafka, prefix, "AAPL"), home.lake.bars("AAPL", "1m").collect()
    assert expected.height == len(set(rows))
    february = expected.filter(pl.col("session_date") < date(2026, 3, 1)).height
    assert (february if twice else 0) == len(rows) - len(set(rows))


def test_a_kafka_that_is_away_is_tried_again(shell: Shell, home: Home, kafka: Broker, prefix: str) -> None:
    """Without a broker the bars are in the lake, the run ends as partly done and says why; with it they are sent."""
    asked = ("sync", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-03", "--timeframes", "1d")
    place = f"kafka:{prefix}@127.0.0.1:{free_port()}"
    away = shell(*asked, "--into", place, KAFKA_TIMEOUT="0.2")
    assert 3 == away.code, away.all
    assert "sink_unavailable" in shell("tasks", "list", "--json").out
    assert 2 == home.lake.bars("AAPL", "1d").collect().height
    assert 0 == shell(*asked, "--into", "kafka").code
    assert 2 == len(sent(kafka, prefix, "AAPL"))


def test_without_a_kafka_it_is_no_destination(shell: Shell) -> None:
    """`--into kafka` without KAFKA_BOOTSTRAP_SERVERS is an error that names the setting."""
    shell.refuses(*ASKED, says="KAFKA_BOOTSTRAP_SERVERS is not set", next_step=".env", KAFKA_BOOTSTRAP_SERVERS="")


@pytest.fixture
def noon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, kafka: Broker, prefix: str
) -> Iterator[Shell]:
    """A command line at noon of a Thursday in New York."""
    monkeypatch.chdir(tmp_path)
    clock = FakeClock(datetime(2026, 3, 5, 17, tzinfo=UTC))
    with Sandbox(start=date(2026, 2, 19), end=date(2026, 3, 6), tickers=12, clock=clock) as vendor:
        own = {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "KAFKA_TOPIC_PREFIX": prefix}
        yield Shell(monkeypatch, capsys, Home(tmp_path, vendor).env | own, clock)


def test_the_registrys_symbols_go_to_kafka(noon: Shell, tmp_path: Path, kafka: Broker, prefix: str) -> None:
    """With a Kafka set, a run of the registry sends bars once and snapshots as they are taken, and its log says so."""
    keep = ("registry", "add", "AAPL", "--strategy", "flatpack_snapshot_stream", "--start", "2026-03-02")
    assert 0 == noon(*keep, "--timeframes", "1d").code
    log = tmp_path / "run.log"

    runs = [noon("ingest", LOG_FORMAT="json", LOG_FILE=str(log)) for _ in range(2)]

    assert [0, 0] == [run.code for run in runs], runs[0].all
    bars = json.loads(noon("query", "from stocks.bars_1d where ticker = 'AAPL'", "--json").out)
    assert [bar["close"] for bar in bars] == [row[5] for row in sent(kafka, prefix, "AAPL")]
    assert 3 == len(bars)
    snapshots = [decode(message.value()) for message in kafka.read(f"{prefix}.snapshot.AAPL")]
    [held] = json.loads(noon("query", "from stocks.snapshots", "--json").out)
    assert 2 == len(snapshots)
    assert {held["verdict"]} == {one.verdict for one in snapshots}
    assert {held["day_close"]} == {one.fields["day_close"] for one in snapshots}
    said = [json.loads(line) for line in log.read_text().splitlines() if '"symbol_execution_' in line]
    assert {True} == {line["kafka"] for line in said}


def test_a_symbol_says_that_kafka_is_away(shell: Shell, home: Home) -> None:
    """Without a broker a symbol's history is in the lake all the same, and its error names Kafka and the remedy."""
    assert 0 == shell("registry", "add", "AAPL", "--start", "2026-03-05", "--timeframes", "1d").code
    said = shell("ingest", "--json", KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}", KAFKA_TIMEOUT="0.2")
    assert 3 == said.code, said.all
    [ran] = json.loads(said.out)
    assert "in kafka:" in ran["error"]
    assert "was asked for its topics" in ran["error"]
    assert home.lake.bars("AAPL", "1d").collect().height > 0
