"""What the database lacks of the lake is found and written from there."""

from __future__ import annotations

import json
from datetime import date

import psycopg
import pytest
from homes import Home
from postgres_server import create_database, postgresql

from forebay import Sandbox

START, END = date(2025, 11, 26), date(2025, 11, 28)
SCOPE = ("--start", str(START), "--end", str(END), "--in", "timescale", "--json")


@pytest.fixture(scope="module")
def vendor():
    with Sandbox(start=START, end=END, tickers=5) as running:
        yield running


@pytest.fixture(scope="module")
def server():
    with postgresql() as folder:
        create_database(folder, "bars", "template0")
        yield folder


@pytest.fixture
def home(tmp_path, vendor):
    return Home(tmp_path, vendor)


def test_what_the_database_lacks_is_written_from_the_lake(shell, home, vendor, server):
    """Of an empty table every session lacks; later a lost bar, one of the stream and a wrong one. Repair closes all.

    A budget leaves the earlier sessions for the next time, and a bar that the lake has not stays.
    """
    env = {"TIMESCALE_HOST": server, "TIMESCALE_DB": "bars", "TIMESCALE_USER": "postgres"}
    assert shell("sync", "--datasets", "stocks/bars_1m", "--start", str(START), "--end", str(END)).code in (0, 3)
    truth = vendor.market.bars("stocks", "bars_1m", START, END).sort("ticker", "window_start")
    names = truth["ticker"].unique().sort().to_list()

    def gaps(word, code, *more):
        said = shell("gaps", word, "--tickers", *names, *SCOPE, *more, **env)
        assert code == said.code, said.all
        return {(each["symbol"], each["day"]): each for each in json.loads(said.out)}

    empty = gaps("scan", 3)
    assert truth.height == sum(each["missing"] for each in empty.values())
    assert {"closed": 5, "open": len(empty) - 5} == _outcomes(gaps("repair", 3, "--budget", "5"))
    assert {"closed": len(empty) - 5} == _outcomes(gaps("repair", 0))
    assert {} == gaps("scan", 0)
    with psycopg.connect(host=server, dbname="bars", user="postgres", autocommit=True) as database:
        held = database.execute('SELECT symbol, close FROM ohlcv_1m ORDER BY symbol COLLATE "C", timestamp').fetchall()
        assert list(zip(truth["ticker"], truth["close"], strict=True)) == held
        first = "(SELECT symbol, min(timestamp) FROM ohlcv_1m WHERE symbol = %s GROUP BY 1)"
        database.execute(f"DELETE FROM ohlcv_1m WHERE (symbol, timestamp) IN {first}", [names[0]])
        database.execute(f"UPDATE ohlcv_1m SET source = 'stream' WHERE (symbol, timestamp) IN {first}", [names[1]])
        database.execute(f"UPDATE ohlcv_1m SET close = close + 1 WHERE (symbol, timestamp) IN {first}", [names[2]])
        database.execute("INSERT INTO ohlcv_1m VALUES ('ELSE', '2025-11-26 15:00+00', 1, 1, 1, 1, 1, 1, 1, 'stream')")
    found = gaps("scan", 3)
    assert [(1, 0), (0, 1), (0, 1)] == [
        (each["missing"], each["lesser"]) for _, each in sorted(found.items(), key=lambda one: names.index(one[0][0]))
    ]
    assert {"closed": 3} == _outcomes(gaps("repair", 0))
    assert {} == gaps("scan", 0)


def test_another_place_is_refused(shell, home):
    """A word that is neither the lake nor the database is wrong usage."""
    said = shell("gaps", "scan", "--tickers", "AAPL", "--in", "kafka")
    assert 2 == said.code
    assert "--in kafka" in said.err


def _outcomes(found: dict) -> dict[str, int]:
    outcomes = [each["outcome"] for each in found.values()]
    return {word: outcomes.count(word) for word in sorted(set(outcomes))}
