"""The whole of Forebay against the simulated vendor: real server, real ledger, real lake."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

import forked
from forebay import Lake, Sandbox
from forebay.app import App, new_worker_id
from forebay.clock import SystemClock
from forebay.model.feed import Feed
from forebay.orchestration.sync import carry_out
from forebay.sandbox.bucket import Bucket, dataset_of
from forebay.settings import load
from forebay.vendor.bucket import BucketTimeouts
from forebay.vendor.flatfiles import FlatFiles
from forebay.vendor.http import Timeouts
from forebay.vendor.rest import RestClient

START, END = date(2026, 2, 19), date(2026, 3, 11)
"""Fractional volumes begin on 23 February, clocks change on 8 March."""
CLASSES = ("stocks", "options", "crypto", "forex", "indices")


class HastyClock(SystemClock):
    """The machine's clock, but whoever sleeps wakes at once and finds the time gone."""

    def __init__(self) -> None:
        self._skipped = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._skipped

    def sleep(self, seconds: float) -> None:
        self._skipped += timedelta(seconds=max(seconds, 0))


@dataclass
class Home:
    """A working folder with its own ledger and lake, pointed at a simulated vendor."""

    folder: Path
    vendor: Sandbox
    patience: float | None = None
    """Seconds that clients wait for a stalled vendor, instead of their own time-outs."""

    @property
    def env(self) -> dict[str, str]:
        known = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        return {**known, **self.vendor.env, "FOREBAY_HOME": str(self.folder / "data")}

    @property
    def lake(self) -> Lake:
        return Lake(self.folder / "data" / "lake")

    @contextmanager
    def app(self, clock=None, **settings):
        """A wired App whose waits cost no time."""
        app = App(load(environ={**self.env, **settings}), clock or HastyClock(), new_worker_id())
        if self.patience:
            self._hurry(app)
        try:
            app.recover()
            yield app
        finally:
            app.close()

    def _hurry(self, app: App) -> None:
        keys, url = app.settings.flatfiles.require_keys(), app.settings.vendor.rest_url
        app.flatfiles = FlatFiles(url, *keys, app.clock, timeouts=BucketTimeouts(read=self.patience))
        api_key = app.settings.vendor.require_api_key()
        app.rest = RestClient(url, api_key, app.ledger.budget, app.clock, timeouts=Timeouts(read=self.patience))

    def sync(self, *feeds: Feed, **settings):
        """The main job, in this process; what it left behind as a Status."""
        with self.app(**settings) as app:
            prospect = app.outlook().look_ahead(feeds)
            carry_out(prospect.plan, app.ledger, app.worker())
            reconciler = app.reconciler()
            for days, minutes in reconciler.due(prospect.wishes):
                reconciler.compare(days, minutes)
            return app.status(prospect.wishes)

    def run(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """One command line, as a user types it, in a process of its own."""
        return forked.run(*args, cwd=self.folder, env={**self.env, **env})

    def start(self, *args: str, **env: str) -> forked.Forked:
        """The same, while it runs."""
        return forked.forebay(*args, cwd=self.folder, env={**self.env, **env})

    def litter(self) -> list[str]:
        """What a run must not leave behind: staged files, half files, files that no table knows."""
        data = self.folder / "data"
        under_way = [data / "tmp", data / "spool", data / "archive" / ".forebay" / "tmp"]
        staged = [path for folder in under_way if folder.exists() for path in folder.rglob("*") if path.is_file()]
        return sorted(str(path.relative_to(data)) for path in [*staged, *data.rglob("*.part"), *self._orphans()])

    def _orphans(self) -> list[Path]:
        lake = self.folder / "data" / "lake"
        tables = [DeltaTable(str(log.parent)) for log in lake.rglob("_delta_log")]
        known = {Path(uri.removeprefix("file://")) for table in tables for uri in table.file_uris()}
        return [path for path in lake.rglob("*.parquet") if "_delta_log" not in path.parts and path not in known]


def truth(vendor: Sandbox, table: str, start: date = START, end: date = END, tickers=None) -> pl.DataFrame:
    """What the market really did, in the order in which the lake answers."""
    asset_class, kind = table.split("/")
    rows = vendor.market.bars(asset_class, kind, start, end).sort("ticker", "window_start")
    return rows if tickers is None else rows.filter(pl.col("ticker").is_in(tickers))


def held(home: Home, table: str) -> pl.DataFrame:
    """What the lake holds."""
    asset_class, kind = table.split("/")
    return home.lake.bars(None, kind.removeprefix("bars_"), asset_class=asset_class).collect()


def published(vendor: Sandbox, key: str) -> bytes:
    """A flat file of the vendor's as it is now, without faults."""
    dataset, day = dataset_of(key)
    return Bucket(vendor.market).stored(dataset, day).body


SAID_BY_BOTH = ["ticker", "window_start", "open", "high", "low", "close", "volume", "transactions", "session_date"]
"""Columns that flat files and REST share; the volume-weighted price is REST's alone."""
