"""A vendor with files of the test's own, an archive, a ledger, and a worker that may be killed."""

from __future__ import annotations

import gzip
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from forebay.clock import SystemClock
from forebay.lake.intake.quarantine import Quarantine
from forebay.ledger import Ledger
from forebay.model.catalogue import DATASETS
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.task import Lease, Outcome, Task, TaskDraft, TaskKind
from forebay.orchestration.leases import HeldLeases
from forebay.orchestration.worker import Worker
from forebay.stores.archive import Archive
from forebay.stores.folder import FolderStore
from forebay.tasks.mirror import Mirror
from forebay.tasks.records import Records
from forebay.tasks.spool import Spool
from forebay.testing import FakeClock
from forebay.vendor.flatfiles import FlatFiles
from forked import ending

DATASET = DATASETS["us_options_opra/day_aggs_v1"]
DAY = date(2024, 3, 7)
KEY = DATASET.key(DAY)
HEADER = ",".join(DATASET.columns)
NIGHT, MORNING = datetime(2024, 3, 8, 4, 30, tzinfo=UTC), datetime(2024, 3, 8, 15, tzinfo=UTC)
MIB = 2**20


def csv_gz(size: int, seed: int = 0, header: str = HEADER) -> bytes:
    """A flat file of about `size` bytes, in lines of 64."""
    noise = random.Random(seed).randbytes(size // 2).hex()
    lines = [noise[at : at + 63] for at in range(0, len(noise), 63)]
    return gzip.compress("\n".join([header, *lines, ""]).encode(), 0)


@dataclass(frozen=True)
class Site:
    """Where everything is, as values that a process of its own can be given."""

    home: Path
    url: str = ""
    access_key: str = ""
    secret: str = ""
    bucket: tuple[str, str] | None = None
    """Name and endpoint; None: a folder."""
    spool: bool = False
    part_bytes: int = 16 * 2**10
    worker: str = "second"

    @property
    def published(self) -> Path:
        """What the vendor has, laid out as its bucket."""
        return self.home / "vendor"

    @property
    def spooled(self) -> list[Path]:
        """The local files that are there."""
        return sorted((self.home / "spool").rglob("*.part"))

    def publish(self, data: bytes, at: datetime = NIGHT, day: date = DAY) -> bytes:
        """Let the vendor have `data` as the day's file."""
        path = self.published / DATASET.key(day)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (at.timestamp(), at.timestamp()))
        return data

    @contextmanager
    def open(self, *faults: dict[str, object]) -> Iterator[tuple[Site, object]]:
        """The site with its vendor running; publish something first."""
        from forebay import Sandbox  # a worker needs none, and starts sooner

        clock = FakeClock(datetime(2024, 3, 11, 17, tzinfo=UTC))
        with Sandbox(tickers=1, extra_files=self.published, clock=clock, faults=faults) as vendor:
            keys = vendor.env["POLYGON_S3_ACCESS_KEY_ID"], vendor.env["POLYGON_S3_SECRET_ACCESS_KEY"]
            yield replace(self, url=vendor.url, access_key=keys[0], secret=keys[1]), vendor

    def files(self) -> FlatFiles:
        return FlatFiles(self.url, self.access_key, self.secret, SystemClock(), part_bytes=self.part_bytes)

    def archive(self) -> Archive:
        if self.bucket is None:
            return Archive(FolderStore(self.home / "archive"))
        from forebay.stores.bucket import Bucket, Keys
        from forebay.stores.s3 import S3Store  # slow to import, and most workers here need none

        name, endpoint = self.bucket
        keys = Keys("AKIDEXAMPLE", "a secret that is nowhere shown")
        return Archive(S3Store(Bucket(name, "", endpoint, "us-east-1", lambda: keys), SystemClock()))

    def ledger(self) -> Ledger:
        return Ledger.open(f"sqlite:///{self.home}/ledger.db", SystemClock())

    def records(self) -> Records:
        return Records(Quarantine(self.home / "quarantine"), SystemClock())

    def mirror(self, **options: object) -> Mirror:
        spool = Spool(self.home / "spool") if self.spool else None
        parts = {"files": self.files(), "archive": self.archive(), "records": self.records(), "spool": spool}
        return Mirror(**{**parts, **options})

    def plan(self) -> None:
        """Add a task for what the vendor lists."""
        with self.ledger() as ledger:
            ledger.tasks.add([draft_of(file.day, file.revision) for file in self.listing()], again=True)

    def listing(self):
        return self.files().list(DATASET, DAY, DAY)

    def drain(self, dead: tuple[str, ...] = ()) -> Task:
        """Work the ledger off; the day's task as it is then."""
        with self.ledger() as ledger:
            ledger.tasks.rescue(dead=dead)
            Worker(
                ledger, {TaskKind.MIRROR: self.mirror()}, SystemClock(), self.worker, 1, HeldLeases(ledger.tasks)
            ).drain()
            return ledger.tasks.find()[0]

    @contextmanager
    def lease(self) -> Iterator[tuple[Lease, Ledger]]:
        """A claim on the day's file as it is listed."""
        self.plan()
        with self.ledger() as ledger:
            lease = ledger.tasks.claim("tester")
            assert lease
            yield lease, ledger

    def run(self, mirror: Mirror | None = None, attempt: int = 0) -> Outcome:
        """One attempt of the handler, its steps taken in a real ledger."""
        with self.lease() as (lease, ledger):
            handler = mirror or self.mirror()
            claimed = replace(lease, task=replace(lease.task, attempt=attempt))
            outcome = handler(claimed, lambda *states: ledger.tasks.advance(lease, *states))
            ledger.tasks.finish(lease, outcome)
            return outcome

    def be_killed_at(self, point: str) -> None:
        """Run a worker in a process of its own until it dies at `point`."""
        assert -signal.SIGKILL == ending(replace(self, worker="first").drain, FOREBAY_FAILPOINT=point)


def draft_of(day: date, revision) -> TaskDraft:
    partition = Partition(DATASET.table, ALL_SYMBOLS, Interval(day, day))
    return TaskDraft(TaskKind.MIRROR, DATASET.key(day), DATASET.name, partition, "archive", Source.FLATFILE, revision)
