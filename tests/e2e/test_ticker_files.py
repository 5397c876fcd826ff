"""Files of tickers as a destination: written after the lake, with what the lake has, and only where that is new."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from homes import END, START

from forebay.files.columns import FILE_ROWS
from forebay.files.names import Form, ticker_file
from forebay.files.reading import read

ASKED = ("--tickers", "AAPL,MSFT", "--start", START.isoformat(), "--end", END.isoformat())
TIMEFRAMES = ("1m", "5m", "15m", "1h", "1d")


def in_file(home, ticker, timeframe, form=Form.PARQUET) -> pl.DataFrame:
    """What a ticker's file says."""
    return pl.concat(list(read(ticker_file(home.folder / "data", ticker, timeframe, form))))


def in_lake(home, ticker, timeframe) -> pl.DataFrame:
    """What the lake says, in the columns of a file."""
    return home.lake.bars(ticker, timeframe).rename({"window_start": "timestamp"}).select(FILE_ROWS.names()).collect()


def stamps(folder: Path) -> dict[Path, int]:
    """Every ticker's file with the time of its last change."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("*/*.*.*")}


@pytest.mark.parametrize("form", list(Form))
def test_a_sync_into_files_writes_what_the_lake_has(shell, home, form):
    """Every timeframe of every ticker, row for row; a second sync plans nothing and touches no file."""
    said = shell("sync", *ASKED, "--into", "files", FILES_FORMAT=form)
    written = stamps(home.folder / "data")
    plan = json.loads(shell("plan", *ASKED, "--into", "files", "--json", FILES_FORMAT=form).out)
    again = shell("sync", *ASKED, "--into", "files", FILES_FORMAT=form)

    assert 0 == said.code, said.all
    assert 10 == len(written)
    for timeframe in TIMEFRAMES:
        for ticker in ("AAPL", "MSFT"):
            assert in_lake(home, ticker, timeframe).equals(in_file(home, ticker, timeframe, form))
    assert 0 == plan["tasks"], plan
    assert 0 == again.code
    assert written == stamps(home.folder / "data")
    assert [] == home.litter()


def test_a_hole_in_the_files_alone_is_refilled_alone(shell, home):
    """A file that was removed is written again, by one task and no call; the others are not touched."""
    shell("sync", *ASKED, "--into", "files", "--timeframes", "5m,1d")
    before = stamps(home.folder / "data")
    lost = ticker_file(home.folder / "data", "AAPL", "5m", Form.PARQUET).path
    lost.unlink()
    plan = json.loads(shell("plan", *ASKED, "--into", "files", "--timeframes", "5m,1d", "--json").out)
    shell("sync", *ASKED, "--into", "files", "--timeframes", "5m,1d")

    assert (1, 0, 0) == (plan["tasks"], plan["calls"], plan["bytes"])
    assert in_lake(home, "AAPL", "5m").equals(in_file(home, "AAPL", "5m"))
    assert {path: at for path, at in before.items() if path != lost} == {
        path: at for path, at in stamps(home.folder / "data").items() if path != lost
    }


def test_days_that_come_later_are_added(shell, home):
    """A sync over more days brings the files up to date, and keeps what they had."""
    shell("sync", "--tickers", "AAPL", "--start", "2026-02-19", "--end", "2026-02-27", "--into", "files")
    early = in_file(home, "AAPL", "15m")
    said = shell("sync", "--tickers", "AAPL", "--start", "2026-02-19", "--end", "2026-03-06", "--into", "files")

    assert 0 == said.code
    assert early.equals(in_file(home, "AAPL", "15m")[: early.height])
    assert in_lake(home, "AAPL", "15m").equals(in_file(home, "AAPL", "15m"))


def test_a_better_source_makes_files_due_again(shell, home):
    """REST gives volume-weighted prices and files none: when flat files replace the rows, the files say so too."""
    dates = ("--start", "2026-02-19", "--end", "2026-02-27", "--timeframes", "1d", "--into", "files")
    shell("sync", "--tickers", "AAPL", *dates, "--source", "rest")
    by_rest = in_file(home, "AAPL", "1d")
    shell(
        "sync", "--datasets", "stocks/bars_1d", "--start", "2026-02-19", "--end", "2026-02-27", "--source", "flatfiles"
    )
    said = shell("sync", "--tickers", "AAPL", *dates)

    assert 0 == said.code
    assert 0 == by_rest["vwap"].null_count()
    assert by_rest.height == in_file(home, "AAPL", "1d")["vwap"].null_count()


def test_one_sync_renews_the_lake_and_then_the_files(shell, home):
    """What a plan brings anew into the lake it also writes into files that had the days already."""
    dates = ("--start", "2026-02-19", "--end", "2026-02-27")
    shell("sync", "--tickers", "AAPL", *dates, "--timeframes", "1d", "--source", "rest", "--into", "files")
    feeds = home.folder / "forebay.toml"
    feeds.write_text(
        '[[feeds]]\nname = "all"\ndatasets = ["stocks/bars_1d"]\nstart = 2026-02-19\nend = 2026-02-27\n'
        'source = "flatfiles"\n'
    )
    said = shell("sync")

    assert 0 == said.code, said.all
    assert in_lake(home, "AAPL", "1d").equals(in_file(home, "AAPL", "1d"))


def test_a_queue_is_worked_off_in_order(home, vendor):
    """A worker with a queue of everything at once writes the files after the lake, whole."""
    with home.app() as app:
        from forebay.model.catalogue import BAR_DATASETS
        from forebay.model.feed import Feed

        datasets = (BAR_DATASETS["stocks/bars_1m"], BAR_DATASETS["stocks/bars_1d"])
        feed = Feed("all", datasets, ("AAPL", "MSFT"), START, END, destinations=("files",))
        prospect = app.outlook().look_ahead([feed])
        app.ledger.tasks.add(prospect.plan.drafts)
        app.worker().drain()
        status = app.status(prospect.wishes)

    assert status.all_held
    for timeframe in TIMEFRAMES:
        assert in_lake(home, "MSFT", timeframe).equals(in_file(home, "MSFT", timeframe))


def test_files_of_the_whole_market_need_a_list(shell):
    """A feed that names no tickers cannot have a file of each; the next step is named, and nothing is done."""
    shell.refuses(
        *("sync", "--datasets", "stocks/bars_1d", "--start", "2026-03-02", "--end", "2026-03-02", "--into", "files"),
        says="names no tickers",
        next_step="forebay export",
    )


def test_export_writes_every_ticker_that_is_held(shell, home):
    """Without a list, a file of every ticker in the lake; a second run writes none and says so."""
    shell("sync", "--datasets", "stocks/bars_1d", "--start", "2026-03-02", "--end", "2026-03-04")
    said = shell("export", "--timeframes", "1d")
    held = home.lake.tickers("stocks/bars_1d")
    written = stamps(home.folder / "data")
    again = json.loads(shell("export", "--timeframes", "1d", "--json").out)

    assert 0 == said.code, said.all
    assert len(held) == len(written) > 20
    assert all(in_lake(home, ticker, "1d").equals(in_file(home, ticker, "1d")) for ticker in held)
    assert 0 == again["changed"]
    assert written == stamps(home.folder / "data")


def test_export_keeps_rows_of_other_dates(shell, home):
    """An export of two days into a file of others replaces those two alone, in another folder and form too."""
    shell("sync", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-06", "--timeframes", "1m")
    args = ("export", "--tickers", "AAPL", "--timeframes", "1h", "--folder", "elsewhere", "--format", "csv")
    shell(*args, "--start", "2026-03-02", "--end", "2026-03-03")
    path = home.folder / "elsewhere" / "AAPL" / "AAPL.1h.csv"
    one = path.read_text()
    said = shell(*args, "--start", "2026-03-05")

    assert 0 == said.code, said.all
    assert path.read_text().startswith(one)
    new_york = pl.col("timestamp").dt.convert_time_zone("America/New_York")
    expected = in_lake(home, "AAPL", "1h").filter(new_york.dt.day() != 4)
    assert expected.equals(pl.concat(list(read(ticker_file(home.folder / "elsewhere", "AAPL", "1h", Form.CSV)))))


def test_export_of_what_is_not_held_says_so(shell, home):
    """A ticker that the lake does not have gets no file, a note with the next step, and exit code 3."""
    shell("sync", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-03", "--timeframes", "1d")
    said = shell("export", "--tickers", "AAPL,NOSUCH", "--timeframes", "1d")

    assert 3 == said.code
    assert "no 1d bars of NOSUCH" in said.err
    assert ["AAPL.1d.parquet"] == [path.name for path in stamps(home.folder / "data")]


def test_an_address_is_no_folder(shell, home):
    """`--folder s3://...` is refused before anything is made of it."""
    said = shell("export", "--tickers", "AAPL", "--folder", "s3://bucket/prefix")

    assert 2 == said.code
    assert "no folder of this machine" in said.err
    assert not (home.folder / "s3:").exists()


def test_list_shows_what_is_behind(shell, home):
    """`files list` names each file with its rows and tells when the lake has more."""
    shell("sync", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-03", "--into", "files")
    fresh = json.loads(shell("files", "list", "--json").out)
    shell("sync", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-06")
    stale = json.loads(shell("files", "list", "--json").out)

    shell("export", "--tickers", "AAPL", "--folder", "elsewhere")
    other = json.loads(shell("files", "list", "elsewhere", "--json").out)

    assert 5 == len(fresh)
    assert {"not kept by a feed"} == {one["lake"] for one in other}
    assert {"as in the lake"} == {one["lake"] for one in fresh}
    assert {"3 sessions behind"} == {one["lake"] for one in stale}
    assert 2 == next(one["rows"] for one in stale if one["timeframe"] == "1d")


def test_a_universe_comes_into_files(shell, home):
    """`enqueue` and `run-once` take `--into files`, too: what the earlier system's users type leaves what they know."""
    (home.folder / "some.json").write_text('["AAPL", "MSFT"]')
    dates = ("--start", "2026-03-02", "--end", "2026-03-04", "--timeframes", "5m,1d")
    one = shell("run-once", "AAPL", *dates, "--into", "files")
    both = shell("enqueue", "some.json", *dates, "--into", "files")

    assert (0, 0) == (one.code, both.code), both.all
    names = ["AAPL.1d.parquet", "AAPL.5m.parquet", "MSFT.1d.parquet", "MSFT.5m.parquet"]
    assert names == sorted(path.name for path in stamps(home.folder / "data"))


def test_a_feeds_file_says_which_sizes(shell, home):
    """`into = ["files"]` with `timeframes` in forebay.toml; a size that does not exist is refused with its line."""
    feed = '[[feeds]]\nname = "mine"\ndatasets = ["stocks/bars_1m"]\nsymbols = ["AAPL"]\nstart = 2026-03-02\n'
    path = home.folder / "forebay.toml"
    path.write_text(feed + 'into = ["files"]\ntimeframes = ["1h"]\n')
    said = shell("sync")

    assert 0 == said.code, said.all
    assert ["AAPL.1h.parquet"] == [path.name for path in stamps(home.folder / "data")]
    path.write_text(feed + 'into = ["files"]\ntimeframes = ["2h"]\n')
    shell.refuses("sync", says="line 7: unknown timeframe '2h'", next_step="'1h'")
    path.write_text(feed + 'timeframes = ["1h"]\n')
    shell.refuses("sync", says="the feed has none", next_step="into")


def test_a_file_that_cannot_be_merged_is_told(shell, home):
    """A file of adjusted prices stays as it is; the sync says why, the other files are written, exit code 3."""
    path = ticker_file(home.folder / "data", "AAPL", "1d", Form.PARQUET).path
    shell("sync", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-06")
    path.parent.mkdir(parents=True)
    in_lake(home, "AAPL", "1d").with_columns(pl.col("open", "high", "low", "close") / 2).write_parquet(path)
    before = path.read_bytes()
    said = shell("sync", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-06", "--into", "files")

    assert 3 == said.code
    assert "holds adjusted prices, 0.5 times" in said.out
    assert before == path.read_bytes()
    assert in_lake(home, "AAPL", "1h").equals(in_file(home, "AAPL", "1h"))


def test_archive_lake_and_files_follow_each_other(shell, home):
    """A feed into all three: the file is archived, loaded out of the archive, and only then written per ticker."""
    said = shell(
        *("sync", "--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-04", "--timeframes", "1d,1h"),
        *("--into", "archive,lake,files", "--source", "flatfiles"),
    )

    assert 0 == said.code, said.all
    for timeframe in ("1h", "1d"):
        assert 0 < in_lake(home, "AAPL", timeframe).height
        assert in_lake(home, "AAPL", timeframe).equals(in_file(home, "AAPL", timeframe))


def test_files_do_not_wait_for_ever_for_what_nobody_fetches(shell, home):
    """A worker without keys leaves the lake's tasks to others, and the files with them; it ends."""
    (home.folder / "some.json").write_text('["AAPL"]')
    shell("enqueue-batch", "some.json", "--start", "2026-03-02", "--end", "2026-03-04", "--into", "files")
    keyless = dict.fromkeys(("POLYGON_API_KEY", "POLYGON_S3_ACCESS_KEY_ID", "POLYGON_S3_SECRET_ACCESS_KEY"), "")
    said = shell("worker", "--once", **keyless)
    left = json.loads(shell("tasks", "list", "--state", "pending", "--json").out)

    assert 3 == said.code, said.all
    assert 5 == sum(task["kind"] == "export" for task in left)
    assert 0 == shell("worker", "--once").code
    assert {} == stamps(home.folder / "data") or in_lake(home, "AAPL", "1d").equals(in_file(home, "AAPL", "1d"))


def test_a_kept_plan_has_the_files_in_it(shell, home):
    """`plan --out` writes down the files with the rest, and `sync --plan` writes them."""
    dates = ("--tickers", "AAPL", "--start", "2026-03-02", "--end", "2026-03-04", "--timeframes", "5m")
    assert 0 == shell("plan", *dates, "--into", "files", "--out", "plan.json").code
    said = shell("sync", "--plan", "plan.json")

    assert 0 == said.code, said.all
    assert in_lake(home, "AAPL", "5m").equals(in_file(home, "AAPL", "5m"))
