"""The live chain, each link in a process of its own: stream, broker, consumer, database; and the lake beside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

import polars as pl
import psycopg
from kafka_server import Broker
from market_time import tell_time
from postgres_server import PostgresServer, create_database

from forebay import Lake
from forebay.ledger import Ledger
from forebay.ledger.interruptions import Interruptions
from forebay.sandbox.server import Sandbox
from forebay.settings import load

DAY = date(2026, 3, 5)
START = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
"""The opening bell in New York."""
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
BARS = ["ticker", "window_start", "open", "high", "low", "close", "volume", "vwap"]
UNTIDY = [
    {"kind": "stream_duplicate", "every": 7},
    {"kind": "stream_late", "every": 9, "seconds": 90},
    {"kind": "stream_restated", "channel": "AM", "every": 5, "seconds": 300},
    {"kind": "stream_unknown_event", "every": 11},
]
"""Faults of the vendor's: bars that are told twice, late or anew, and events of a channel that nobody knows."""
PATIENCE = 60.0
_STEP = timedelta(seconds=4)
_SCRIPT = Path(__file__).with_name("market_time.py")
_ROWS = """COPY (SELECT symbol, (extract(epoch FROM "timestamp") * 1000)::bigint, open, high, low, close, volume, vwap,
transactions, source FROM {} WHERE "timestamp" >= '{}' AND "timestamp" < '{}') TO STDOUT (FORMAT csv)"""


def until(reached: Callable[[], object], what: str, pause: float = 0.1) -> None:
    """Return when it is so. Fails after a minute."""
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(pause)


@dataclass
class Chain:
    """Everything that one test runs. What is still alive at the end is told to stop, and must."""

    folder: Path
    vendor: Sandbox
    broker: Broker
    server: PostgresServer
    last: datetime
    """What is looked at begins at START, and ends before then."""
    more: dict[str, str] = field(default_factory=dict)
    """More settings."""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        address = create_database(str(self.server.folder), "chain", "template0")
        if self.server.has_timescaledb:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION timescaledb")
        self.vendor.stream.pause()
        tell_time(self.vendor, self.clock)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()
        self._open.close()

    @property
    def env(self) -> dict[str, str]:
        """What every link is told."""
        return {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
            **self.vendor.env,
            "FOREBAY_HOME": str(self.folder / "data"),
            "POLYGON_RATE_LIMIT": "0",
            "STREAM_LAKE_SECONDS": "1",
            "STREAM_COOLDOWN": "0",
            "STREAM_SILENCE": "2",
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.address,
            "KAFKA_TOPICS": "channel",
            "TIMESCALE_HOST": str(self.server.folder),
            "TIMESCALE_DB": "chain",
            "TIMESCALE_USER": "postgres",
            "CONSUME_SECONDS": "0.2",
            "CONSUME_TOPICS_SECONDS": "1",
            **self.more,
        }

    @property
    def clock(self) -> Path:
        """The file that has the time."""
        return self.folder / "time"

    def go_to(self, moment: datetime) -> None:
        """Replay up to then, as fast as it is read, in steps so small that no clock is far behind the vendor's."""
        stream = self.vendor.stream
        while stream.clock.now() < moment:
            stream.step_to(min(stream.clock.now() + _STEP, moment))
            tell_time(self.vendor, self.clock)

    def start(self, name: str, *arguments: str) -> None:
        """Start `stream` or `consume` in the market's time; its words go to a file of its name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, str(_SCRIPT), str(self.clock), name, *arguments]
            self.running[name] = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)

    def stream(self) -> None:
        """Minute and second bars of the whole market; returns once they are subscribed to."""
        self.start("stream", "--cluster", "stocks", "--channels", "AM,A", "--all")
        self.vendor.stream.wait_for_subscribers()

    def kill(self, name: str) -> None:
        """As by a power cut."""
        process = self.running.pop(name)
        assert process.poll() is None, self.said(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> int:
        """In order; its exit code."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE)

    def said(self, name: str) -> str:
        """The end of what it said."""
        return (self.folder / f"{name}.log").read_text()[-3000:]

    def peak(self, name: str) -> int:
        """Bytes that a running one had in memory at most."""
        status = Path(f"/proc/{self.running[name].pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def interruptions(self) -> list[dict]:
        """What `forebay stream interruptions` lists, the latest first."""
        command = [
            sys.executable,
            str(_SCRIPT),
            str(self.clock),
            "stream",
            "interruptions",
            "--limit",
            "1000",
            "--json",
        ]
        told = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60, check=False)
        assert told.returncode in (0, 3), told.stderr
        return json.loads(told.stdout)

    def owed(self) -> int:
        """How many interruptions that began in that time are not made good yet."""
        book = Interruptions(self._ledger.database, self.vendor.stream.clock)
        return sum(noted.interruption.began < self.last for noted in book.open())

    @cached_property
    def _ledger(self) -> Ledger:
        address = load(environ=self.env).ledger.url.get_secret_value()
        return self._open.enter_context(Ledger.open(address, self.vendor.stream.clock, calls_per_minute=0))

    def truth(self, timeframe: str) -> pl.DataFrame:
        """The market's bars of that time, with how many transactions each has."""
        if timeframe == "1s":
            rows = self.vendor.market.second_bars("stocks", START, self.last)
        else:
            rows = self.vendor.market.bars("stocks", "bars_1m", DAY, DAY)
        inside = pl.col("window_start").is_between(START, self.last, closed="left")
        return rows.filter(inside).select(*BARS, "transactions").sort("ticker", "window_start")

    def in_lake(self) -> pl.DataFrame:
        """The lake's minute bars of that time."""
        rows = Lake(self.folder / "data" / "lake").bars(None, "1m", DAY, DAY, asset_class="stocks")
        inside = pl.col("window_start").is_between(START, self.last, closed="left")
        return rows.filter(inside).select(*BARS, "transactions", "source").collect().sort("ticker", "window_start")

    def in_database(self, table: str) -> pl.DataFrame:
        """The rows of a table of that time, in the lake's columns."""
        with psycopg.connect(host=str(self.server.folder), dbname="chain", user="postgres") as connection:
            copy = connection.cursor().copy(_ROWS.format(table, START, self.last))
            with copy as rows:
                text = b"".join(bytes(part) for part in rows)
        kinds = [pl.String, pl.Int64, *[pl.Float64] * 6, pl.Int64, pl.String]
        names = [*BARS, "transactions", "source"]
        read = pl.read_csv(text, has_header=False, schema=dict(zip(names, kinds, strict=True)), null_values=[""])
        time = pl.from_epoch("window_start", "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
        return read.with_columns(time).sort("ticker", "window_start")
