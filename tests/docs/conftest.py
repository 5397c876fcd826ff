"""A simulated vendor, and a terminal in an empty folder, before noon of a certain Friday."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "e2e"))

from blocks import ROOT
from homes import HastyClock
from postgres_server import create_database, postgresql
from redis_server import redis_server
from s3_server import ABucket, s3_server
from session import Session, terminal
from shell import Shell

from forebay import Sandbox

TODAY = datetime(2026, 3, 13, 15, 30, tzinfo=UTC)
"""When a reader of the manual reads it."""


_SHIFT = TODAY - datetime.now(UTC)
"""One for all: a vendor that was started long ago and a reader who begins now share the time."""


class ReadersClock(HastyClock):
    """A clock that stood at TODAY when the tests began; waits cost no time."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped = _SHIFT


@pytest.fixture(scope="session")
def vendor():
    """The market of the manual's examples, as of TODAY."""
    with Sandbox(start=date(2026, 2, 26), end=date(2026, 3, 13), tickers=24, clock=ReadersClock()) as running:
        yield running.env


@pytest.fixture
def mistaken():
    """The same market, of which the vendor published two files wrong."""
    late = {"kind": "window_start_a_day_late", "dataset": "us_stocks_sip/day_aggs_v1", "date": date(2026, 3, 6)}
    short = {"kind": "closing_minute_missing", "dataset": "us_stocks_sip/minute_aggs_v1", "date": date(2026, 3, 4)}
    week = {"start": date(2026, 2, 26), "end": date(2026, 3, 13)}
    with Sandbox(**week, tickers=24, clock=ReadersClock(), faults=[late, short]) as running:
        yield running.env


@pytest.fixture
def october():
    """Another two weeks of it: NVDA was split, KO paid."""
    with Sandbox(start=date(2025, 10, 13), end=date(2025, 10, 24), tickers=24, clock=ReadersClock()) as running:
        yield running.env


@pytest.fixture
def bucket():
    """The bucket `my-bars` at an S3 server, and its keys."""
    made = ABucket("my-bars", s3_server())
    made.client.create_bucket(Bucket=made.name)
    keys = {"AWS_ACCESS_KEY_ID": made.key_id, "AWS_SECRET_ACCESS_KEY": made.secret, "AWS_REGION": "us-east-1"}
    return {"AWS_ENDPOINT_URL": made.endpoint, **keys}


@pytest.fixture
def brokers(kafka):
    """A broker of Kafka's."""
    return {"KAFKA_BOOTSTRAP_SERVERS": kafka.address}


@pytest.fixture
def redis():
    """A Redis server."""
    with redis_server() as running:
        yield {"REDIS_URL": running.url}


@pytest.fixture
def timescale():
    """A PostgreSQL server with an empty database."""
    with postgresql() as folder:
        create_database(folder, "bars")
        yield {"TIMESCALE_HOST": folder, "TIMESCALE_DB": "bars", "TIMESCALE_USER": "postgres"}


@pytest.fixture
def today(reader):
    """The machine's own time, for a page that starts a vendor of its own."""
    reader.shell.clock = HastyClock()
    return {}


@pytest.fixture
def reader(tmp_path, vendor, monkeypatch, capsys):
    """A reader whose settings are those of `forebay sandbox --print-env`, beside the files that pages copy."""
    shutil.copy(ROOT / ".env.example", tmp_path)
    monkeypatch.chdir(tmp_path)
    return Session(Shell(monkeypatch, capsys, {}, ReadersClock()), tmp_path, terminal(vendor))
