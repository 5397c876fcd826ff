"""Files of the earlier system, taken into the lake: checked, compared, and never in place of what the vendor said."""

from __future__ import annotations

import json
from datetime import date

import polars as pl
import pytest
from homes import END, START, truth

from forebay.files.names import Form, ticker_file

ASKED = ("--tickers", "AAPL", "--start", START.isoformat(), "--end", END.isoformat())


def write(home, ticker, timeframe, rows: pl.DataFrame, folder="old", form="parquet", **changes) -> None:
    """A file as the earlier system laid it out: times and bars, in columns of its own order, written by pandas."""
    table = rows.rename({"window_start": "timestamp"}).select(
        "volume", "close", "low", "high", "open", "timestamp", *(["vwap"] if changes.pop("vwap", True) else [])
    )
    path = home.folder / folder / ticker / f"{ticker}.{timeframe}.{form}"
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = table.with_columns(pl.col("timestamp").dt.replace_time_zone(None)).to_pandas().set_index("timestamp")
    frame.to_parquet(path) if form == "parquet" else frame.to_csv(path)


def market(vendor, table, **scope) -> pl.DataFrame:
    """What the vendor has of AAPL by REST."""
    return truth(vendor, table, tickers=["AAPL"], **scope)


def adopt(shell, *more: str, folder="old"):
    said = shell("files", "adopt", folder, *more, "--json")
    return said.code, json.loads(said.out)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_files_of_the_earlier_system_are_not_fetched_again(shell, home, vendor, form):
    """Minutes and days written by pandas enter the lake, compared with the vendor; the plan asks for the rest alone."""
    write(home, "AAPL", "1m", market(vendor, "stocks/bars_1m", end=date(2026, 3, 6)), form=form)
    write(home, "AAPL", "1d", market(vendor, "stocks/bars_1d", end=date(2026, 3, 6)), form=form)
    code, found = adopt(shell)
    plan = json.loads(shell("plan", *ASKED, "--source", "rest", "--json").out)
    again = adopt(shell)[1]
    said = shell("sync", *ASKED, "--source", "rest")

    assert 0 == code, found
    assert [11, 11] == [one["sessions"] for one in found]
    assert [11, 11] == [one["compared"] for one in found]
    assert [0, 0] == [one["sessions"] for one in again]
    assert {4} == {line["days"] for line in plan["lines"]}
    assert 0 == said.code, said.all
    for table, timeframe in (("stocks/bars_1m", "1m"), ("stocks/bars_1d", "1d")):
        columns = ["window_start", "open", "high", "low", "close", "volume"]
        held = home.lake.bars("AAPL", timeframe).select(columns).collect()
        assert market(vendor, table).select(columns).equals(held)
    assert [] == home.litter()


def test_what_the_vendor_said_stays(shell, home, vendor):
    """Sessions that the lake holds are not touched by a file that says something else of them."""
    shell("sync", *ASKED, "--timeframes", "1d", "--source", "rest")
    before = home.lake.digest("stocks/bars_1d")
    write(home, "AAPL", "1d", market(vendor, "stocks/bars_1d").with_columns(pl.col("close") * 1.0001))
    code, found = adopt(shell, "--sample", "0")

    assert (0, 0) == (code, found[0]["sessions"])
    assert 15 == found[0]["known"]
    assert before == home.lake.digest("stocks/bars_1d")


def test_a_flat_file_replaces_adopted_rows(shell, home, vendor):
    """Adopted rows give way to the vendor's files, as rows that came by REST do."""
    write(home, "AAPL", "1d", market(vendor, "stocks/bars_1d"))
    adopt(shell)
    shell("sync", "--datasets", "stocks/bars_1d", "--start", START.isoformat(), "--end", END.isoformat())

    assert ["flatfile"] == home.lake.bars("AAPL", "1d").collect()["source"].unique().to_list()


@pytest.mark.parametrize("timeframe", ["1m", "1d"])
def test_adjusted_prices_are_recognised(shell, home, vendor, timeframe):
    """A file with prices divided by four is refused, with the factor; nothing of it enters the lake."""
    rows = market(vendor, f"stocks/bars_{timeframe}")
    write(home, "AAPL", timeframe, rows.with_columns((pl.col("open", "high", "low", "close") / 4).round(4)))
    code, found = adopt(shell)

    assert 3 == code
    assert "holds adjusted prices: 0.25 times" in found[0]["reason"]
    assert [] == home.lake.tables()


def test_bad_files_are_told_one_by_one_and_the_others_go_on(shell, home, vendor):
    """A cut file, no file of bars, times of another zone, another company's bars, small letters; one is good."""
    good = market(vendor, "stocks/bars_1d")
    write(home, "AAPL", "1d", good)
    write(home, "MSFT", "1d", good)
    write(home, "CUT", "1d", good)
    write(home, "aapl", "1d", good)
    cut = home.folder / "old" / "CUT" / "CUT.1d.parquet"
    cut.write_bytes(cut.read_bytes()[:900])
    (home.folder / "old" / "X").mkdir()
    (home.folder / "old" / "X" / "X.1d.csv").write_text("a,b\n1,2\n")
    local = pl.col("window_start").dt.offset_by("10h")
    write(home, "GOOG", "1m", market(vendor, "stocks/bars_1m").with_columns(local))
    write(home, "AAPL", "5m", good)
    code, found = adopt(shell)
    taken = [one for one in found if "sessions" in one]
    refused = {one["file"]["ticker"]: one["reason"] for one in found if "sessions" not in one and not one["derived"]}
    skipped = [one["file"]["timeframe"] for one in found if one.get("derived")]

    assert 3 == code
    assert ["AAPL"] == [one["file"]["ticker"] for one in taken]
    assert {"CUT", "GOOG", "MSFT", "X", "aapl"} == set(refused)
    assert "the vendor has no bars of aapl" in refused["aapl"]
    assert "cannot be read" in refused["CUT"]
    assert "has no column" in refused["X"]
    assert "the vendor tells" in refused["MSFT"]
    assert ["5m"] == skipped


def test_a_session_that_was_cut_off_is_left_to_the_plan(shell, home, vendor):
    """A busy ticker's session with a third of its minutes, and the last one of the file, are not believed."""
    rows = market(vendor, "stocks/bars_1m")
    cut = rows.filter(pl.col("session_date") == date(2026, 3, 2)).head(150)
    write(home, "AAPL", "1m", pl.concat([rows.filter(pl.col("session_date") != date(2026, 3, 2)), cut]))
    code, found = adopt(shell, "--sample", "0")
    plan = json.loads(shell("plan", *ASKED, "--timeframes", "1m", "--source", "rest", "--json").out)

    assert (0, 13, 2) == (code, found[0]["sessions"], found[0]["left"])
    assert 2 == sum(line["days"] for line in plan["lines"])


def test_the_files_themselves_stay(shell, home, vendor):
    """Adopting reads; and a folder that is the home itself is no trouble: our own folders are no tickers'."""
    write(home, "AAPL", "1d", market(vendor, "stocks/bars_1d"), folder="data")
    path = ticker_file(home.folder / "data", "AAPL", "1d", Form.PARQUET).path
    before = path.read_bytes(), path.stat().st_mtime_ns
    code, found = adopt(shell, folder="data")

    assert (0, 14) == (code, found[0]["sessions"])
    assert before == (path.read_bytes(), path.stat().st_mtime_ns)


def test_without_a_key_nothing_is_compared_unless_that_is_said(shell, home, vendor):
    """A comparison needs the API key; `--sample 0` does without, and the evidence says so."""
    write(home, "AAPL", "1d", market(vendor, "stocks/bars_1d"))
    shell.refuses("files", "adopt", "old", says="no API key", next_step="POLYGON_API_KEY", POLYGON_API_KEY="")
    said = shell("files", "adopt", "old", "--sample", "0", POLYGON_API_KEY="")

    assert 0 == said.code, said.all
    shell.refuses("files", "adopt", "nowhere", says="no folder nowhere", next_step="name the folder")
