"""A database as a destination: what the lake holds of chosen tickers, in a real PostgreSQL."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from datetime import date
from itertools import count

import polars as pl
import psycopg
import pytest
from homes import END, Home
from kafka_server import free_port
from postgres_server import create_database, postgresql
from shell import Shell

from forebay import Sandbox

_numbers = count(1)
TICKERS = ("AAPL", "X:BTCUSD")
DATES = ("--start", "2026-02-26", "--end", "2026-03-03")
"""Days of two months, of a ticker with sessions and one that never rests."""
COLUMNS = ["open", "high", "low", "close", "volume", "vwap", "transactions", "source"]
PASSWORD = "hush-hush"


@pytest.fixture(scope="module")
def vendor() -> Iterator[Sandbox]:
    with Sandbox(start=date(2026, 2, 19), end=END, tickers=10) as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as folder:
        yield folder


@pytest.fixture
def database(server: str) -> str:
    name = f"held{next(_numbers)}"
    create_database(server, name, "template0")
    return name


@pytest.fixture
def shell(shell: Shell, home: Home, server: str, database: str) -> Shell:
    """The command line with a database of its own for bars; the ledger is elsewhere."""
    shell.env |= {
        "DATABASE_URL": f"sqlite:///{home.folder}/ledger.db",
        "TIMESCALE_HOST": server,
        "TIMESCALE_DB": database,
        "TIMESCALE_USER": "postgres",
        "TIMESCALE_PASSWORD": PASSWORD,
    }
    return shell


@pytest.fixture
def stored(server: str, database: str) -> Callable[[str], list[tuple]]:
    """Rows of a table, with the version of each."""

    def rows(table: str) -> list[tuple]:
        columns = ", ".join(COLUMNS)
        with psycopg.connect(host=server, dbname=database, user="postgres") as connection:
            return connection.execute(
                f'SELECT symbol, (extract(epoch FROM "timestamp") * 1000)::bigint, {columns}, xmin::text FROM {table} '
                'ORDER BY symbol COLLATE "C", "timestamp"'
            ).fetchall()

    return rows


def held(home: Home, size: str) -> list[tuple]:
    """What the lake has of the tickers, as rows of the same form."""
    bars = pl.concat([home.lake.bars(ticker, size).collect() for ticker in TICKERS])
    return bars.select("ticker", pl.col("window_start").dt.epoch("ms"), *COLUMNS).sort("ticker", "window_start").rows()


def test_held_bars_are_in_the_database(shell: Shell, home: Home, stored, database: str, server: str) -> None:
    """A feed's bars of either size are the table's, row for row; a second run leaves even their versions alone.

    The search for gaps agrees, and the place is named everywhere without its password.
    """
    (home.folder / "forebay.toml").write_text(
        '[[feeds]]\nname = "held"\ninto = ["timescale"]\n'
        'datasets = ["stocks/bars_1m", "stocks/bars_1d", "crypto/bars_1m", "crypto/bars_1d"]\n'
        f"symbols = {json.dumps(TICKERS)}\nstart = 2026-02-26\nend = 2026-03-03\n"
    )
    assert 0 == shell("sync").code, shell.said[-1].all
    tables = {"1m": stored("ohlcv_1m"), "1d": stored("ohlcv_1d")}
    for size, rows in tables.items():
        assert held(home, size) == [row[:-1] for row in rows]
    assert 0 == shell("sync").code, shell.said[-1].all
    assert tables == {"1m": stored("ohlcv_1m"), "1d": stored("ohlcv_1d")}
    assert [] == json.loads(shell("gaps", "scan", "--tickers", *TICKERS, *DATES, "--in", "timescale", "--json").out)
    shell("status", "AAPL", "--json")
    assert f"timescale:{database}@{server}:5432" in shell.said[-1].out
    shell("tasks", "list", "--json")
    assert not [said for said in shell.said if PASSWORD in said.all]
    assert PASSWORD.encode() not in (home.folder / "ledger.db").read_bytes()


def test_killed_between_months_it_goes_on(shell: Shell, home: Home, stored) -> None:
    """A rerun stores the rest: every bar is there once."""
    asked = ("sync", "--tickers", "AAPL", *DATES, "--timeframes", "1m", "--into", "timescale")
    own = {name: value for name, value in shell.env.items() if name.startswith(("TIMESCALE_", "DATABASE_"))}
    killed = home.run(*asked, FOREBAY_FAILPOINT="send.flushed:1", **own)
    assert -signal.SIGKILL == killed.returncode, killed.stderr
    assert 0 < len(stored("ohlcv_1m"))
    assert 0 == shell(*asked).code, shell.said[-1].all
    truth = home.lake.bars("AAPL", "1m").collect()
    assert truth["close"].to_list() == [row[5] for row in stored("ohlcv_1m")]


def test_a_database_that_is_away_is_tried_again(shell: Shell, home: Home, stored, database: str) -> None:
    """Without it the bars are in the lake, and the run ends as partly done; once it is there they are stored."""
    asked = ("sync", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-03", "--timeframes", "1d")
    away = shell(*asked, "--into", f"timescale:{database}@127.0.0.1:{free_port()}")
    assert 3 == away.code, away.all
    assert "does not answer" in shell("tasks", "list", "--json").out
    assert 2 == home.lake.bars("AAPL", "1d").collect().height
    assert 0 == shell(*asked, "--into", "timescale").code
    assert 2 == len(stored("ohlcv_1d"))


def test_larger_bars_are_no_rows_of_it(shell: Shell) -> None:
    """Sizes that are views there are refused, with what to name instead."""
    shell.refuses(
        "sync", "--tickers", "AAPL", *DATES, "--timeframes", "5m", "--into", "timescale",
        says="which has 1m and 1d", next_step="name 1m",
    )  # fmt: skip


def test_the_registrys_symbols_go_to_the_database(shell: Shell, home: Home, stored) -> None:
    """Where a database is set and no Kafka is, a run of the registry stores the bars there, too."""
    assert 0 == shell("registry", "add", "AAPL", "--start", "2026-03-05", "--timeframes", "1d").code
    assert 0 == shell("ingest").code, shell.said[-1].all
    truth = home.lake.bars("AAPL", "1d").collect()["close"].to_list()
    assert truth
    assert truth == [row[5] for row in stored("ohlcv_1d")]
