"""`forebay stream` as it is typed: what it refuses, and what it says of streams and interruptions."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import date

import polars as pl
import pytest

from forebay.app import open_app
from forebay.model.rows import BAR_ROWS
from forebay.settings import load


@pytest.mark.parametrize(
    ("asked", "says", "next_step"),
    [
        (("--cluster", "stocks"), "no symbols are named", "--all"),
        (("--tickers", "AAPL", "X:BTCUSD"), "not of one cluster", "one `forebay stream` for each"),
        (("--tickers", "AAPL", "--all"), "different things", "leave one"),
        (("--channels", "ZZ", "--tickers", "AAPL"), "no channel 'ZZ'", "AM (bars of a minute)"),
        (("--channels", "LULD", "--tickers", "AAPL"), "no channel 'LULD' that Forebay keeps", "It has"),
        (("--cluster", "crypto", "--tickers", "AAPL"), "AAPL is not of crypto", "as REST spells it"),
        (("--tickers", "AAPL", "--for", "3", "--until", "16:00"), "different things", "leave one"),
        (("--tickers", "AAPL", "--until", "4pm"), "'4pm' is not a time of the form HH:MM, such as 16:00", ""),
        (("--cluster", "options", "--channels", "Q", "--all"), "quotes of all options", "Name up to 1,000"),
    ],
)
def test_what_cannot_be_streamed_is_refused(shell, asked, says, next_step):
    """Before anything is sent: silence would be the vendor's only answer to some of it."""
    shell.refuses("stream", *asked, says=says, next_step=next_step)


def test_without_a_key_or_with_a_wrong_one_nothing_is_streamed(shell):
    """Each says what is wrong and what to do; the cluster is free afterwards."""
    shell.refuses("stream", "--tickers", "AAPL", says="no API key", next_step="POLYGON_API_KEY", POLYGON_API_KEY="")
    shell.refuses("stream", "--tickers", "AAPL", code=1, says="key", next_step="", POLYGON_API_KEY="wrong")

    [stream] = json.loads(shell("stream", "status", "--json").out)
    assert (None, "stopped") == (stream["worker"], stream["state"])


def test_a_ticker_that_nobody_knows_is_named(shell):
    """The vendor acknowledges it all the same, and never sends anything."""
    said = shell("stream", "--tickers", "AAPL", "NOTICKER", "--for", "3")

    assert 0 == said.code, said.all
    assert "the vendor knows no NOTICKER" in said.err
    assert "knows no AAPL" not in said.err


def test_a_stream_ends_in_order_and_tells_what_was_not_heard(shell):
    """The day before it began is an interruption, made good by REST; both commands show it, and no other is open."""
    said = shell("stream", "--cluster", "crypto", "--tickers", "X:BTCUSD", "--for", "4")
    assert 0 == said.code, said.all
    assert "stopped" in said.err

    told = shell("stream", "interruptions", "--json")
    [lost] = json.loads(told.out)
    assert ("crypto", "stopped", ["XA.X:BTCUSD"]) == (lost["cluster"], lost["cause"], lost["subscriptions"])
    assert (0 if lost["closed_at"] else 3) == told.code
    assert "X:BTCUSD" in shell("stream", "status").out


def test_the_registry_says_what_is_streamed(shell, home):
    """Without arguments it is the minute bars of the symbols whose strategy streams."""
    assert 0 == shell("registry", "add", "AAPL", "--strategy", "snapshot_stream").code
    assert 0 == shell("registry", "add", "MSFT", "--strategy", "flatpack").code
    assert 0 == shell("stream", "--for", "2").code

    [stream] = json.loads(shell("stream", "status", "--json").out)
    assert ["AM.AAPL"] == stream["subscriptions"]


def test_an_empty_registry_is_waited_for(shell, home):
    """It says once that there is nothing to stream, streams the symbol that joins, and ends in order when told to."""
    command = [sys.executable, "-m", "forebay", "stream"]
    with subprocess.Popen(command, cwd=home.folder, env=home.env, stderr=subprocess.PIPE, text=True) as waiting:
        try:
            assert "nothing to stream yet" in waiting.stderr.readline()
            assert 0 == shell("registry", "add", "AAPL", "--strategy", "snapshot_stream").code
            assert any(line.startswith("stocks: ") for line in waiting.stderr)
        finally:
            waiting.send_signal(signal.SIGTERM)
        rest = waiting.stderr.read()
        assert 0 == waiting.wait(60), rest
    assert "nothing to stream" not in rest


def test_a_session_that_only_the_stream_brought_is_a_gap(shell, home):
    """Once it is over, sync wants it; what comes takes the place of every live bar of that symbol and day."""
    day = date(2026, 3, 5)
    truth = home.vendor.market.bars("stocks", "bars_1m", day, day).filter(pl.col("ticker") == "AAPL")
    live = truth.with_columns(pl.lit("stream").alias("source"), pl.col("volume") + 1).select(BAR_ROWS.names())
    with open_app(load(environ=home.env)) as app:
        app.tables.put_live("stocks/bars_1m", live)
        assert ["stream"] == app.lake.bars("AAPL").collect()["source"].unique().to_list()

    dates = ("--start", "2026-03-05", "--end", "2026-03-05")
    assert 0 == shell("sync", "--tickers", "AAPL", "--timeframes", "1m", *dates).code

    with open_app(load(environ=home.env)) as app:
        held = app.lake.bars("AAPL").collect()
    assert "stream" not in held["source"].unique().to_list()
    assert truth["volume"].to_list() == held["volume"].to_list()
