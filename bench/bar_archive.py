"""Bars of tickers to csv.lzo objects with tags, beside a script that does it step by step.

The script is what people write: pandas to CSV, the program lzop, boto3; for the whole job with the vendor's own client
before that. Both store at the same server, and ask the same simulated vendor, without a rate limit. Whole processes in
turns, imports included; Forebay also plans, checks, keeps a ledger (and a lake), and probes the store for tags.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

from bench.archive import serving
from bench.child import Cost, cost_of, cost_of_command

from forebay import Sandbox

TICKERS, START, END, TURNS = 40, date(2025, 11, 3), date(2025, 12, 31), 3
TARGET = 2.0
"""Times as fast as the script."""
_DATES = ("--start", START.isoformat(), "--end", END.isoformat())
_STORE = """
import subprocess, sys
import boto3
import pandas
from botocore.config import Config
target, folder = sys.argv[1:3]
s3 = boto3.client("s3", endpoint_url=target, region_name="us-east-1", aws_access_key_id="key",
                  aws_secret_access_key="secret", config=Config(s3={"addressing_style": "path"}))
def store(frame, ticker, exchange, name):
    path = f"{folder}/{name}.csv"
    frame.to_csv(path, index=False)
    subprocess.run(["lzop", "-f", path], check=True)
    tags = f"symbol={ticker}&exchange={exchange}&currency=USD&timeframe=1min&quality=raw"
    with open(path + ".lzo", "rb") as file:
        s3.put_object(Bucket="script", Key=f"stocks/{ticker}/polygon/{name}.csv.lzo", Body=file, Tagging=tags)
"""
_FROM_FILES = """
for path in sys.argv[3:]:
    frame, ticker = pandas.read_parquet(path), path.split("/")[-1].split(".")[0]
    for day, bars in frame.groupby(frame["timestamp"].dt.tz_convert("America/New_York").dt.date):
        store(bars, ticker, "XNAS", f"{ticker}_{day}")
"""
_FROM_VENDOR = """
from massive import RESTClient
vendor, key, start, end, *tickers = sys.argv[3:]
client = RESTClient(key, base=vendor)
for ticker in tickers:
    bars = list(client.list_aggs(ticker, 1, "minute", start, end, adjusted=False, limit=50000))
    frame = pandas.DataFrame(vars(bar) for bar in bars)
    if not frame.empty:
        frame["timestamp"] = pandas.to_datetime(frame["timestamp"], unit="ms", utc=True)
        store(frame, ticker, client.get_ticker_details(ticker).primary_exchange, f"{ticker}_historical")
"""


def run() -> dict[str, object]:
    """Seconds of both, and the medians of the turns' own ratios; below 1 Forebay is the slower."""
    with (
        Sandbox(tickers=TICKERS, start=START, end=END) as vendor,
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as target,
    ):
        tickers = sorted(set(vendor.market.bars("stocks", "bars_1m", START, END)["ticker"]))
        work = _Work(vendor, target, tickers)
        held = Path(folder, "held")
        work.forebay(held, "sync", "--timeframes", "1m")
        work.forebay(held, "export", "--timeframes", "1m", "--folder", str(held / "files"))
        return {
            "tickers": len(tickers),
            "target_ratio": TARGET,
            "an_object_a_day_of_bars_held": work.compare(
                lambda home: work.archive(home, "day", held),
                lambda home: work.script(home, _FROM_FILES, *map(str, (held / "files").glob("*/*.parquet"))),
            ),
            "an_object_a_ticker_from_the_vendor": work.compare(
                lambda home: work.archive(home, "all", None),
                lambda home: work.script(
                    home,
                    _FROM_VENDOR,
                    vendor.env["FOREBAY_REST_URL"],
                    vendor.env["POLYGON_API_KEY"],
                    *_DATES[1::2],
                    *tickers,
                ),
            ),
        }


class _Work:
    """The same work, done in either way."""

    def __init__(self, vendor: Sandbox, target: str, tickers: list[str]) -> None:
        self._vendor, self._target, self._tickers = vendor, target, tickers
        self._buckets = 0

    def compare(self, ours: Callable[[Path], Cost], script: Callable[[Path], Cost]) -> dict[str, object]:
        turns = [(_in_folder(ours), _in_folder(script)) for _ in range(TURNS)]
        return {
            "forebay_seconds": _median(one.wall for one, _ in turns),
            "forebay_cpu_seconds": _median(one.cpu for one, _ in turns),
            "script_seconds": _median(other.wall for _, other in turns),
            "script_cpu_seconds": _median(other.cpu for _, other in turns),
            "wall_ratio": _median(other.wall / one.wall for one, other in turns),
            "cpu_ratio": _median(other.cpu / one.cpu for one, other in turns),
            "forebay_peak_mb": max(round(one.peak / 2**20) for one, _ in turns),
        }

    def archive(self, home: Path, window: str, held: Path | None) -> Cost:
        if held:
            shutil.copytree(held, home, dirs_exist_ok=True)
        self._buckets += 1
        place = ("--window", window, "--bucket", f"bars-{self._buckets}")
        return self.forebay(home, "archive-bars", *place, *(("--no-output",) if held else ("--source", "rest")))

    def script(self, home: Path, code: str, *arguments: str) -> Cost:
        return cost_of(_STORE + code, self._target, str(home), *arguments)

    def forebay(self, home: Path, *args: str) -> Cost:
        env = {"HOME": str(home), "FOREBAY_HOME": str(home), "LOG_LEVEL": "ERROR", "PATH": "/usr/bin:/bin"}
        env |= self._vendor.env | {"POLYGON_RATE_LIMIT": "0", "AWS_ENDPOINT_URL": self._target}
        env |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        output = ("--output", str(home / "output")) if args[0] == "archive-bars" else ()
        command = [sys.executable, "-m", "forebay", *args, "--tickers", *self._tickers, *_DATES, *output]
        return cost_of_command(command, env)


def _in_folder(work: Callable[[Path], Cost]) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        return work(Path(folder))


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 2)


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
