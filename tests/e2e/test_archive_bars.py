"""The csv.lzo archive: chosen tickers as objects with tags, from the lake, each sent once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from homes import END, START, Home
from programs import need
from s3_server import ABucket, a_bucket
from shell import Shell

from forebay import Sandbox
from forebay.cli.output import ExitCode
from forebay.model.instrument import encode_name
from s3_gate import Gate, a_gate

DATES = ("--start", "2026-03-05", "--end", "2026-03-09")
ASKED = ("archive-bars", "--tickers", "AAPL", "MSFT", *DATES)
"""Three sessions, with the night of the clock change between the second and the third."""
STARTS = ("2026/03/05/05", "2026/03/06/05", "2026/03/09/04")
"""Midnight in New York, in UTC."""
KEYS = [
    f"stocks/{ticker}/polygon/{start}/{ticker}_polygon_{start.replace('/', '')}00.csv.lzo"
    for ticker in ("AAPL", "MSFT")
    for start in STARTS
]
TAGS = {
    "asset_type": "stocks",
    "symbol": "AAPL",
    "source": "polygon",
    "exchange": "NASDAQ",
    "currency": "USD",
    "timeframe": "1min",
    "date": "2026-03-09",
    "quality": "raw",
}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Sandbox]:
    """A small market: a run spends its time on the archive."""
    with Sandbox(start=date(2026, 3, 2), end=END, tickers=10) as running:
        yield running


@pytest.fixture
def bucket() -> Iterator[ABucket]:
    with a_bucket() as made:
        yield made


@pytest.fixture
def gate(bucket: ABucket) -> Iterator[Gate]:
    with a_gate(bucket.endpoint) as made:
        yield made


def into(bucket: ABucket, endpoint: str = "") -> dict[str, str]:
    """The settings for an archive there."""
    return {
        "CSV_LZO_BUCKET": bucket.name,
        "AWS_ENDPOINT_URL": endpoint or bucket.endpoint,
        "AWS_ACCESS_KEY_ID": bucket.key_id,
        "AWS_SECRET_ACCESS_KEY": bucket.secret,
    }


def unpacked(packed: bytes) -> bytes:
    """What Debian's lzop makes of it, after `lzop -t` found nothing wrong."""
    subprocess.run([need("lzop"), "-t"], input=packed, check=True, capture_output=True)
    return subprocess.run(["lzop", "-d", "-c"], input=packed, check=True, capture_output=True).stdout


def csv_of(home: Home, ticker: str, day: str | None = None, timeframe: str = "1m") -> bytes:
    """The lake's bars of one session date, or of all, as the archive is to have them."""
    bars = home.lake.bars(ticker, timeframe).collect()
    rows = bars if day is None else bars.filter(pl.col("session_date") == pl.lit(day).str.to_date())
    columns = ["timestamp", "open", "high", "low", "close", "volume", "vwap", "transactions"]
    return rows.rename({"window_start": "timestamp"}).select(columns).write_csv(datetime_format="%FT%TZ").encode()


def sent_at(bucket: ABucket) -> dict[str, object]:
    """Key to the time it was last stored."""
    pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
    return {item["Key"]: item["LastModified"] for page in pages for item in page.get("Contents", ())}


@dataclass(frozen=True)
class Archive:
    """What a run of the command made that nothing disturbed; tests that only look share it."""

    home: Home
    bucket: ABucket
    said: subprocess.CompletedProcess[str]

    @property
    def file(self) -> Path:
        """The object of AAPL's last day, on this disk."""
        path = self.home.folder / Path(KEYS[2]).name
        path.write_bytes(self.bucket.read(KEYS[2]))
        return path

    @property
    def csv(self) -> bytes:
        """What is in it."""
        return csv_of(self.home, "AAPL", "2026-03-09")


@pytest.fixture(scope="module")
def archive(vendor: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    home = Home(tmp_path_factory.mktemp("archive"), vendor)
    with a_bucket() as bucket:
        yield Archive(home, bucket, home.run(*ASKED, **into(bucket)))


def test_tickers_become_objects_with_tags(archive: Archive) -> None:
    """One object a ticker and session date, byte for byte the lake's CSV to lzop, with its eight tags twice over."""
    home, bucket, said = archive.home, archive.bucket, archive.said

    assert 0 == said.returncode, said.stderr
    assert KEYS == bucket.keys()
    for key in KEYS:
        ticker, day = key.split("/")[1], "-".join(key.split("/")[3:6])
        assert csv_of(home, ticker, day) == unpacked(bucket.read(key))
    found = bucket.client.get_object_tagging(Bucket=bucket.name, Key=KEYS[2])["TagSet"]
    assert TAGS == {tag["Key"]: tag["Value"] for tag in found}
    assert TAGS == bucket.client.head_object(Bucket=bucket.name, Key=KEYS[2])["Metadata"]
    assert csv_of(home, "AAPL") == (home.folder / "output" / "AAPL_historical.csv").read_bytes()
    assert [] == home.litter()
    assert bucket.secret not in said.stdout + said.stderr


def test_a_second_run_sends_and_fetches_nothing(shell: Shell, bucket: ABucket, gate: Gate) -> None:
    """Nothing is planned, no request for a real object is made, and the files stay as they are."""
    assert 0 == shell(*ASKED, **into(bucket, gate.url)).code
    files = {path: path.stat().st_mtime_ns for path in Path("output").iterdir()}
    gate.asked.clear()

    again = shell(*ASKED, "--json", **into(bucket, gate.url))

    assert 0 == again.code, again.all
    assert [] == gate.asked
    assert files == {path: path.stat().st_mtime_ns for path in Path("output").iterdir()}


def test_more_days_send_only_those(shell: Shell, bucket: ABucket) -> None:
    """A later run over a longer time leaves the objects that are there alone."""
    assert 0 == shell(*ASKED, **into(bucket)).code
    before = sent_at(bucket)

    said = shell(
        "archive-bars", "--tickers", "AAPL,MSFT", "--start", "2026-03-04", "--end", "2026-03-10", **into(bucket)
    )

    assert 0 == said.code, said.all
    assert 10 == len(bucket.keys())
    assert before.items() <= sent_at(bucket).items()


def test_an_object_that_is_there_is_not_sent_again(shell: Shell, bucket: ABucket, gate: Gate) -> None:
    """A ledger that was lost costs one look at the store: same input, same key, same bytes."""
    assert 0 == shell(*ASKED, **into(bucket)).code
    before, digests = sent_at(bucket), bucket.digests()

    said = shell(*ASKED, **into(bucket, gate.url), FOREBAY_HOME="elsewhere")

    assert 0 == said.code, said.all
    assert (before, digests) == (sent_at(bucket), bucket.digests())
    assert [] == [path for method, path in gate.asked if method == "PUT" and "_forebay" not in path]


def test_without_a_bucket_it_is_a_folder(shell: Shell, home: Home) -> None:
    """The same keys and bytes below FOREBAY_HOME, or below the folder that is named."""
    assert 0 == shell(*ASKED).code
    named = shell(*ASKED, "--bucket", "file://" + str(home.folder / "bars"), "--no-output")

    own = home.folder / "data" / "csv-lzo"
    assert 0 == named.code, named.all
    for folder in (own, home.folder / "bars"):
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        assert KEYS == [path.relative_to(folder).as_posix() for path in files]
        assert csv_of(home, "AAPL", "2026-03-09") == unpacked((folder / KEYS[2]).read_bytes())


def test_hours_and_everything(shell: Shell, home: Home) -> None:
    """--window hour makes an object for each hour of UTC with a bar, --window all a single one from the first day."""
    hours = shell(*ASKED, "--window", "hour", "--bucket", "./hours", "--no-output")
    everything = shell(*ASKED, "--window", "all", "--bucket", "./all", "--no-output")

    assert (0, 0) == (hours.code, everything.code), hours.all + everything.all
    of_hours = sorted(path for path in (home.folder / "hours").rglob("AAPL*.lzo"))
    texts = [unpacked(path.read_bytes()).partition(b"\n") for path in of_hours]
    rows = b"".join(rest for _, _, rest in texts)
    assert csv_of(home, "AAPL") == texts[0][0] + b"\n" + rows
    for path, (_, _, rest) in zip(of_hours, texts, strict=True):
        hour = "-".join(path.parts[-5:-2]) + "T" + path.parts[-2]
        assert {hour} == {line[:13].decode() for line in rest.splitlines()}
    assert csv_of(home, "AAPL") == unpacked((home.folder / "all" / KEYS[0]).read_bytes())
    assert 2 == len([path for path in (home.folder / "all").rglob("*") if path.is_file()])


def test_two_kinds_of_window_do_not_share_a_place(shell: Shell) -> None:
    """Their objects would have the same keys: the second is refused, and told another place."""
    assert 0 == shell(*ASKED, "--bucket", "./bars").code
    shell.refuses(*ASKED, "--bucket", "./bars", "--window", "hour", says="share their keys", next_step="/bars/hour")
    feed = ("sync", "--tickers", "AAPL", "--timeframes", "1m", *DATES)
    shell.refuses(*feed, "--into", "csv_lzo:all:./bars/", says="share their keys", next_step="/bars/all")
    both = ("--into", "csv_lzo:all:./new", "csv_lzo:day:./new")
    shell.refuses(*feed, *both, says="share their keys", next_step="another place")


def test_two_places_are_two_feeds(shell: Shell) -> None:
    """The settings come to name another place: gaps of the first go on being counted."""
    asked = ("sync", "--tickers", "AAPL", "--timeframes", "1m", *DATES, "--into", "csv_lzo")
    for place in ("./one", "./other"):
        assert 0 == shell(*asked, CSV_LZO_BUCKET=place).code
    assert 0 == shell("archive-bars", "--tickers", "AAPL", *DATES, "--bucket", "./one", "--no-output").code

    found = json.loads(shell("feeds", "list", "--json").out)
    assert {"one", "other"} == {each["feed"].partition(" 1m")[0].rpartition("/")[2] for each in found}
    assert 2 == len(found)


def test_other_sizes_have_keys_of_their_own(shell: Shell, home: Home) -> None:
    """Five-minute and day bars lie beside the minute bars."""
    said = shell(*ASKED, "--timeframe", "5m,1d")

    assert 0 == said.code, said.all
    folder = home.folder / "data" / "csv-lzo"
    assert csv_of(home, "AAPL", "2026-03-09", "5m") == unpacked((folder / "5min" / KEYS[2]).read_bytes())
    assert csv_of(home, "AAPL", "2026-03-09", "1d") == unpacked((folder / "1day" / KEYS[2]).read_bytes())
    assert (home.folder / "output" / "AAPL_historical_5m.csv").is_file()


STEPS = (
    "csv_lzo.packed:1",
    "csv_lzo.sent:1",
    "csv_lzo.sent:4",
    "csv_lzo.all:2",
    "csv_lzo.removed:1",
    "task.finished:3",
)


@pytest.mark.parametrize("step", STEPS)
def test_killed_anywhere_a_rerun_ends_the_same(
    home: Home, shell: Shell, bucket: ABucket, archive: Archive, step: str
) -> None:
    """The same objects, nothing sent twice, and no temporary file survives even the crash."""
    killed = home.run(*ASKED, **into(bucket), FOREBAY_FAILPOINT=step)
    there = sent_at(bucket)
    names = [path.name for path in home.folder.rglob("*") if "lzo" in path.name]

    again = shell(*ASKED, **into(bucket))

    assert -signal.SIGKILL == killed.returncode, killed.stderr
    assert 0 == again.code, again.all
    assert archive.bucket.digests() == bucket.digests()
    assert there == {key: at for key, at in sent_at(bucket).items() if key in there}
    assert ([], []) == (names, bucket.open_uploads())
    assert [] == home.litter()


def test_a_store_without_tags_gets_metadata(shell: Shell, bucket: ABucket, gate: Gate) -> None:
    """B2 refuses the header: a scratch object finds out, and no real object is ever put with it."""
    gate.refuses_tags = (501, "NotImplemented")

    said = shell(*ASKED, **into(bucket, gate.url))

    assert 0 == said.code, said.all
    assert KEYS == bucket.keys()
    assert TAGS == bucket.client.head_object(Bucket=bucket.name, Key=KEYS[2])["Metadata"]
    assert [] == bucket.client.get_object_tagging(Bucket=bucket.name, Key=KEYS[2])["TagSet"]
    assert 1 == len({path for method, path in gate.asked if method == "PUT" and "/_forebay/" in path})
    assert "refuses tags (501 NotImplemented)" in said.err


def test_a_bucket_that_is_not_there_costs_no_data(shell: Shell, home: Home, bucket: ABucket) -> None:
    """The bars come into the lake, what is left is listed, and the next run only sends."""
    said = shell(*ASKED, **into(bucket) | {"CSV_LZO_BUCKET": "nowhere-" + str(os.getpid())})

    assert 3 == said.code, said.all
    assert "there is no bucket nowhere" in said.out
    assert "AAPL 2026-03-05..2026-03-09 (3 sessions)" in said.out
    assert csv_of(home, "AAPL") == (home.folder / "output" / "AAPL_historical.csv").read_bytes()
    plan = json.loads(shell("plan", "--tickers", "AAPL,MSFT", "--timeframes", "1m", *DATES, "--json").out)
    assert 0 == plan["tasks"]


def test_a_store_that_is_busy_is_asked_again(shell: Shell, bucket: ABucket, gate: Gate) -> None:
    """429 and 503 cost waits."""
    busy = iter([(429, "SlowDown"), (503, "SlowDown")] * 4)
    gate.forbids = lambda method, path: next(busy, None) if method == "PUT" and "/AAPL/" in path else None

    said = shell("archive-bars", "--tickers", "AAPL", *DATES, **into(bucket, gate.url))

    assert 0 == said.code, said.all
    assert KEYS[:3] == bucket.keys()


def test_a_store_that_is_away_ends_the_run_in_part(shell: Shell, vendor: Sandbox, bucket: ABucket) -> None:
    """However many tickers wait for it: after a few the others are not tried, all are listed, the next run sends."""
    names = sorted(set(vendor.market.bars("stocks", "bars_1d", date(2026, 3, 5), date(2026, 3, 5))["ticker"]))[:9]
    many = ("archive-bars", "--tickers", *names, "--start", "2026-03-05", "--end", "2026-03-05", "--no-output")
    with a_gate(bucket.endpoint) as gate:
        closed = gate.url

    away = shell(*many, **into(bucket, closed), WORKER_CONCURRENCY="4")

    assert 3 == away.code, away.all
    assert [] == [name for name in names if f"{name} 2026-03-05" not in away.out]
    assert "no good answer about" in away.out
    assert 0 == shell(*many, **into(bucket)).code
    assert len(names) == len(bucket.keys())


def test_keys_that_are_none_spoil_no_other_archive(shell: Shell, bucket: ABucket) -> None:
    """What cannot be sent for want of a setting is listed with the reason, and stands in no later run's way."""
    said = shell(*ASKED, **into(bucket) | {"AWS_SECRET_ACCESS_KEY": ""})

    assert 3 == said.code, said.all
    assert "AWS_SECRET_ACCESS_KEY is not set" in said.out
    assert 0 == shell(*ASKED, "--bucket", "./bars").code


def test_a_day_that_is_published_anew_is_sent_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """That day's object alone, under the same key."""
    rules = [{"kind": "replaced", "dataset": "us_stocks_sip/minute_aggs_v1", "date": date(2026, 3, 6), "reads": 1}]
    with Sandbox(start=START, end=END, tickers=8, faults=rules) as vendor:
        names = sorted(set(vendor.market.bars("stocks", "bars_1m", START, START)["ticker"]))
        feed = ("--tickers", *names, "--datasets", "stocks/bars_1m", *DATES, "--source", "flatfiles")
        home = Home(tmp_path, vendor)
        monkeypatch.chdir(tmp_path)
        shell = Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data"})
        assert 0 == shell("sync", *feed, "--into", "csv_lzo").code
        folder, day = tmp_path / "data" / "csv-lzo", "2026-03-06"
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.lzo")}
        rows = {name: csv_of(home, name, day) for name in names}
        again = shell("sync", *feed, "--into", "csv_lzo")

    assert 0 == again.code, again.all
    changed = {name for name in names if rows[name] != csv_of(home, name, day)}
    sent = {path for path in folder.rglob("*.lzo") if path.stat().st_mtime_ns != before.get(path)}
    assert changed
    assert {folder / KEYS[1].replace("AAPL", encode_name(name)) for name in changed} == sent
    for name in changed:
        assert csv_of(home, name, day) == unpacked((folder / KEYS[1].replace("AAPL", encode_name(name))).read_bytes())


def test_one_bad_ticker_does_not_stop_the_others(shell: Shell, bucket: ABucket, gate: Gate) -> None:
    """What the store refuses of one ticker is listed, with exit code 3; the other ticker's objects are there."""
    gate.forbids = lambda method, path: (403, "AccessDenied") if method == "PUT" and "/AAPL/" in path else None

    said = shell(*ASKED, **into(bucket, gate.url))

    assert 3 == said.code, said.all
    assert KEYS[3:] == bucket.keys()
    assert "AAPL 2026-03-05..2026-03-09" in said.out
    gate.forbids = lambda *_: None
    assert 0 == shell(*ASKED, **into(bucket, gate.url)).code
    assert KEYS == bucket.keys()


def test_without_the_library_nothing_is_begun(shell: Shell, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra; neither a ledger nor a feed comes of it."""
    for name in [name for name in sys.modules if name.startswith(("forebay.lzop", "lzallright"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lzallright", None)
    shell.refuses(*ASKED, says="lzallright", next_step="forebay[lzo]")
    assert not (home.folder / "data").exists()


def test_tickers_csv_is_read_where_it_lies(shell: Shell) -> None:
    """Without flags for tickers the working folder's tickers.csv is taken; without that the error says what to do."""
    shell.refuses("archive-bars", *DATES, says="there is no file tickers.csv", next_step="--tickers AAPL MSFT")
    Path("tickers.csv").write_bytes(b"\xef\xbb\xbfticker\r\nAAPL\r\n\r\nMSFT\r\nAAPL\r\n")

    said = shell("archive-bars", *DATES)

    assert 0 == said.code, said.all
    assert {"AAPL_historical.csv", "MSFT_historical.csv"} == {path.name for path in Path("output").iterdir()}


def test_objects_are_found_by_tag_and_unpacked(shell: Shell, archive: Archive) -> None:
    """`list` asks the ledger by any tag; `cat` takes a key, an address or a file, and prints the CSV."""
    there = into(archive.bucket) | {"FOREBAY_HOME": str(archive.home.folder / "data")}
    found = json.loads(shell("archive-bars", "list", "--tag", "symbol=AAPL", "date=2026-03-09", "--json", **there).out)

    assert [KEYS[2]] == [each["key"] for each in found]
    assert TAGS == found[0]["tags"]
    assert archive.csv.count(b"\n") - 1 == found[0]["rows"]
    address, file = f"s3://{archive.bucket.name}/{KEYS[2]}", str(archive.file)
    said = shell("archive-bars", "cat", KEYS[2], address, file, f"file://{file}", **there)
    assert 4 * archive.csv.decode() == said.out, said.err
    shell.refuses("archive-bars", "list", "--tag", "colour=red", says="colour", next_step="asset_type")
    shell.refuses("archive-bars", "cat", "no/such.csv.lzo", says="no such object", next_step="archive-bars list")


def test_cat_in_a_pipeline(home: Home, archive: Archive) -> None:
    """It reads a pipe, and ends without a word when nobody reads on."""
    forebay = f"{sys.executable} -m forebay archive-bars cat -" + 20 * f" {archive.file}"
    command = f"set -o pipefail; cat {archive.file} | {forebay} | head -c {len(archive.csv)}"

    done = subprocess.run(["bash", "-c", command], capture_output=True, env=home.env, check=False)

    assert (ExitCode.BROKEN_PIPE, archive.csv, b"") == (done.returncode, done.stdout, done.stderr)


def test_a_damaged_object_is_refused(shell: Shell, archive: Archive) -> None:
    """A flipped byte ends `cat` with the block that is wrong."""
    data = bytearray(archive.file.read_bytes())
    data[len(data) // 2] ^= 1
    Path("damaged.csv.lzo").write_bytes(data)

    said = shell("archive-bars", "cat", "damaged.csv.lzo")

    assert 1 == said.code
    assert "block 1" in said.err
    assert "Traceback" not in said.err


def test_a_feed_keeps_an_archive(shell: Shell, home: Home) -> None:
    """`into = ["csv_lzo"]` in forebay.toml: sync writes it, status counts it, and a day that comes later is added."""
    Path("forebay.toml").write_text(
        '[[feeds]]\nname = "bars"\ndatasets = ["stocks/bars_1m"]\nsymbols = ["AAPL"]\n'
        'start = 2026-03-05\nend = 2026-03-09\ninto = ["csv_lzo"]\n'
    )
    said = shell("sync")
    status = json.loads(shell("status", "--json").out)

    assert 0 == said.code, said.all
    assert KEYS[:3] == [
        path.relative_to(home.folder / "data" / "csv-lzo").as_posix()
        for path in sorted((home.folder / "data" / "csv-lzo").rglob("*.lzo"))
    ]
    assert status["complete"]
    assert f"csv_lzo:day:{(home.folder / 'data' / 'csv-lzo').resolve()}" in {
        row["destination"] for row in status["covered"]
    }
