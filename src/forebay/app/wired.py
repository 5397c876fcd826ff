"""The wired application: its parts, each made on first use."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from forebay.app.calls import shared_budget
from forebay.app.handlers import Handlers
from forebay.budget.shared import SharedBudget
from forebay.clock import Clock, SystemClock
from forebay.errors import ForebayError, LedgerError
from forebay.files.names import Form, ticker_file
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.catalogue import Dataset
from forebay.model.feed import ARCHIVE, Feed
from forebay.model.task import Task, TaskKind, TaskState
from forebay.orchestration.entitlement import Entitlements, remembered_reach
from forebay.orchestration.exports import Exports
from forebay.orchestration.leases import HeldLeases
from forebay.orchestration.plan import Rates
from forebay.orchestration.plan_file import fingerprint
from forebay.orchestration.planner import Planner
from forebay.orchestration.report import report
from forebay.orchestration.sources import Means
from forebay.orchestration.status import Status
from forebay.orchestration.sync import Outlook
from forebay.orchestration.upstream import Upstream
from forebay.orchestration.wanted import Reach, Wish, of_ticker, spell_out
from forebay.orchestration.worker import Worker
from forebay.settings import Settings

if TYPE_CHECKING:
    from forebay.lake.quarantine import Quarantine
    from forebay.lake.reader import Lake
    from forebay.lake.staging import Staging
    from forebay.lake.table import LakeTables
    from forebay.orchestration.discoverer import Discoverer
    from forebay.orchestration.identifying import Identifying
    from forebay.orchestration.offline import Offline
    from forebay.orchestration.reconcile import Reconciler
    from forebay.orchestration.takeover import TakenOver
    from forebay.stores.archive import Archive
    from forebay.stores.store import Files
    from forebay.symbols.universes import Universes
    from forebay.tasks.ticker_files import TickerFiles
    from forebay.vendor.flatfiles import FlatFiles
    from forebay.vendor.rest import RestClient
    from forebay.vendor.throttle import Throttle


def new_worker_id() -> str:
    """Unique per process start: a host name alone comes back after a restart."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


def share_cores(tasks: int) -> None:
    """Leave each of `tasks` that run side by side its share of the cores.

    Polars takes a thread for every core in every process, and a sixth more CPU with them. No effect once it is loaded,
    or where POLARS_MAX_THREADS is set.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, (os.cpu_count() or 1) // tasks)))


@dataclass
class App:
    """Everything wired together.

    Parts are made on first use, and imported then: `status` opens no connection to the vendor, `tasks list` loads no
    data library.
    """

    settings: Settings
    clock: Clock
    worker_id: str

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, its schema made or brought up to date."""
        return Ledger.open(
            self.settings.ledger.url.get_secret_value(),
            self.clock,
            max_retries=self.settings.worker.max_retries,
            calls_per_minute=self.settings.vendor.rate_limit,
        )

    @cached_property
    def staging(self) -> Staging:
        """This process's folder for files under way."""
        from forebay.lake.staging import Staging

        return Staging(self.settings.folders.tmp, self.worker_id)

    @cached_property
    def tables(self) -> LakeTables:
        """The lake, for writing."""
        from forebay.lake.table import LakeTables

        return LakeTables(self.lake_path, self.staging)

    @property
    def lake_path(self) -> Path:
        """The lake's folder. Raises UsageError for an address that is not one."""
        return self.settings.lake.folder

    @cached_property
    def lake(self) -> Lake:
        """The lake, for reading."""
        from forebay.lake.reader import Lake

        return Lake(self.lake_path)

    @cached_property
    def quarantine(self) -> Quarantine:
        """What failed a check."""
        from forebay.lake.quarantine import Quarantine

        return Quarantine(self.settings.folders.quarantine)

    @cached_property
    def flatfiles(self) -> FlatFiles:
        """The vendor's bucket. Raises UsageError when its keys are not set."""
        from forebay.stores.ranges import PART_BYTES
        from forebay.vendor.flatfiles import FlatFiles

        key_id, secret = self.settings.flatfiles.require_keys()
        part_bytes = self._throttle.part_bytes if self._throttle else PART_BYTES
        return FlatFiles(self.settings.flatfiles.url, key_id, secret, self.clock, part_bytes=part_bytes)

    @cached_property
    def _throttle(self) -> Throttle | None:
        from forebay.vendor.throttle import Throttle

        limit = self.settings.worker.bandwidth
        return Throttle(limit, self.clock) if limit else None

    @property
    def paced_files(self) -> Files:
        """The vendor's files at the pace that the settings allow."""
        from forebay.vendor.throttle import Throttled

        return Throttled(self.flatfiles, self._throttle) if self._throttle else self.flatfiles

    @cached_property
    def budget(self) -> SharedBudget:
        """The rate budget of everybody with this API key, for batch calls; its `interactive()` for a person's."""
        return shared_budget(self.settings, self.ledger, self.clock)

    @cached_property
    def rest(self) -> RestClient:
        """The vendor's REST service, for calls that a person waits for. Raises UsageError when there is no API key."""
        return self._rest(self.budget.interactive())

    @cached_property
    def batch_rest(self) -> RestClient:
        """The same for a worker's calls, which take turns with those."""
        return self._rest(self.budget)

    def _rest(self, budget: SharedBudget) -> RestClient:
        from forebay.vendor.rest import RestClient

        vendor = self.settings.vendor
        return RestClient(vendor.rest_url, vendor.require_api_key(), budget, self.clock)

    @cached_property
    def universes(self) -> Universes:
        """The universe table, in the ledger's database."""
        from forebay.symbols.universes import Universes

        return Universes(self.ledger.database, self.clock)

    @property
    def identifying(self) -> Identifying:
        """Discoveries as tasks."""
        from forebay.orchestration.identifying import Identifying

        return Identifying(self.ledger, self.clock)

    def refresh_universes(self, feeds: Sequence[Feed]) -> list[str]:
        """See that the categories that `feeds` follow are a day old at most; notes on what went wrong."""
        if not any(feed.category for feed in feeds):
            return []
        if not self.has_rest:
            return ["universes are not refreshed: POLYGON_API_KEY is not set"]
        return self.identifying.refresh(feeds, self.universes, self.worker(kinds=[TaskKind.IDENTIFY], interactive=True))

    def identify(self, tasks: Sequence[Task]) -> list[Task]:
        """Carry out these discoveries now; how they ended. Raises UsageError when there is no API key."""
        self.settings.vendor.require_api_key()
        return self.identifying.run(tasks, self.worker(kinds=[TaskKind.IDENTIFY], interactive=True))

    @property
    def has_flatfiles(self) -> bool:
        """Whether both S3 keys are set."""
        keys = self.settings.flatfiles
        return keys.access_key_id is not None and keys.secret_access_key is not None

    @property
    def has_rest(self) -> bool:
        """Whether the API key is set."""
        return self.settings.vendor.api_key is not None

    @property
    def account(self) -> dict[str, str | None]:
        """Which account this is: variable names to fingerprints of their keys, None where one is not set."""
        keys = {
            "POLYGON_API_KEY": self.settings.vendor.api_key,
            "POLYGON_S3_ACCESS_KEY_ID": self.settings.flatfiles.access_key_id,
        }
        return {name: fingerprint(key.get_secret_value()) if key else None for name, key in keys.items()}

    def planner(self) -> Planner:
        """A planner for this moment."""
        now = self.clock.now()
        means = Means(
            flatfiles=self.has_flatfiles,
            rest=self.has_rest,
            today=now.date(),
            hybrid_boundary=timedelta(days=self.settings.plan.hybrid_boundary_days),
            rates=Rates(calls_per_minute=self.settings.vendor.rate_limit),
        )
        exports = Exports(self.ledger.coverage, self._has_file)
        return Planner(self.ledger, means, now, self.universes.lifetimes, exports)

    def ticker_files(self, folder: Path | None = None, form: str | None = None) -> TickerFiles:
        """The files of tickers in `folder` (FOREBAY_HOME), written as `form` (FILES_FORMAT) from the lake."""
        from forebay.tasks.ticker_files import TickerFiles

        written = Form(form or self.settings.files.form)
        return TickerFiles(self.lake, folder or self.settings.folders.home, written, self.clock)

    def _has_file(self, ticker: str, timeframe: str) -> bool:
        return ticker_file(self.settings.folders.home, ticker, timeframe, Form(self.settings.files.form)).path.exists()

    def worker(
        self,
        *,
        spool: bool = False,
        offline: bool = False,
        interactive: bool = False,
        kinds: Collection[TaskKind] = tuple(TaskKind),
    ) -> Worker:
        """A worker for those `kinds` of task that the keys allow.

        `spool` downloads whole files before it uploads; `offline` asks no vendor, whichever keys are set; with
        `interactive` a person waits for these tasks, and their calls do not queue behind those of batch work.
        """
        share_cores(self.settings.worker.concurrency)
        leases = HeldLeases(self.ledger.tasks)
        handlers = Handlers(self, leases, spool=spool, offline=offline, interactive=interactive).of(kinds)
        worker = self.settings.worker
        return Worker(
            self.ledger, handlers, self.clock, self.worker_id, worker.concurrency, leases, delay=worker.task_delay
        )

    @property
    def keeps_archive(self) -> bool:
        """Whether anything was ever meant for an archive."""
        return self.ledger.places.address(ARCHIVE) is not None

    @cached_property
    def archive(self) -> Archive:
        """The archive of the vendor's files. Raises UsageError for settings that contradict each other."""
        from forebay.stores.address import archive_store
        from forebay.stores.archive import Archive

        settings = self.settings
        return Archive(archive_store(settings.archive, settings.aws, settings.folders, self.clock))

    def settle_archive(self) -> None:
        """See that the archive is where the ledger knows it. Raises UsageError when it was elsewhere."""
        from forebay.orchestration.place import settle

        settle(self.ledger, self.archive.address)

    def take_over(self) -> TakenOver | None:
        """Turn what an earlier system's tracker said into coverage and tasks; None when there is nothing of it."""
        if next(self.ledger.earlier.rows(), None) is None or not self.has_flatfiles:
            return None
        from forebay.orchestration.archive.adopt import Adopter
        from forebay.orchestration.takeover import Takeover

        adopter = Adopter(self.ledger, self.archive, Upstream(self.flatfiles, self.ledger), self.clock)
        return Takeover(self.ledger, adopter, self.discoverer()).settle()

    def discoverer(self) -> Discoverer:
        """Turns missing files into tasks."""
        from forebay.orchestration.discoverer import Discoverer

        return Discoverer(self.outlook(), self.ledger)

    def offline(self) -> Offline:
        """The lake from the archive."""
        from forebay.orchestration.offline import Offline

        return Offline(self.ledger)

    def outlook(self) -> Outlook:
        """Plans that know what the vendor has now; asks its listing."""
        planner = self.planner()
        files = self.flatfiles if self.has_flatfiles else None
        rest = self.rest if self.has_rest else None
        upstream = Upstream(files, self.ledger) if files else None
        return Outlook(planner, Entitlements(self.ledger, files, rest, planner.now), upstream, self.universes.members)

    def known_wishes(self, feeds: Sequence[Feed], ticker: str | None = None) -> list[Wish]:
        """The wishes of `feeds`, or of one ticker among them, from what the ledger remembers: no network."""
        now = self.clock.now()
        wishes = spell_out(feeds, now, self._remembered_reach, self.universes.members)
        return wishes if ticker is None else of_ticker(wishes, ticker)

    def _remembered_reach(self, feed: Feed, dataset: Dataset) -> Reach:
        return remembered_reach(self.ledger, feed, dataset)

    def status(self, wishes: Sequence[Wish]) -> Status:
        """What is held and missing of these wishes, the queue, the failures and the quarantine."""
        return Status(
            rows=report(self.planner(), self.ledger, wishes),
            tasks=self.ledger.tasks.counts(),
            failures=self.failures(),
            quarantined=len(self.quarantine.list()),
        )

    def reconciler(self) -> Reconciler:
        """Compares day bars with minute bars where both are held."""
        from forebay.orchestration.reconcile import Reconciler

        return Reconciler(self.ledger, self.lake)

    def failures(self) -> Sequence[Task]:
        """Tasks that failed or were given up, newest first."""
        failed = (TaskState.FAILED_DOWNLOAD, TaskState.FAILED_UPLOAD, TaskState.PERMANENT_FAILURE)
        return self.ledger.tasks.find(TaskFilter(states=failed))

    def recover(self) -> None:
        """Clear up after workers of this machine that died: their staged files go, their tasks are free at once."""
        self.ledger.tasks.rescue(dead=self.staging.swept)
        if self.settings.folders.spool.is_dir():
            from forebay.tasks.spool import Spool

            Spool(self.settings.folders.spool).sweep(lambda key: self.ledger.tasks.is_settled(ARCHIVE, key))

    def rescue(self) -> None:
        """Free the tasks of workers whose lease ran out, and at once those of this machine's that have died since."""
        from forebay.lake.staging import sweep

        self.ledger.tasks.rescue(dead=sweep(self.settings.folders.tmp))

    def make_folders(self) -> None:
        """Make the folders and the schema that would otherwise be made on first use. Raises StoreError, LedgerError."""
        from forebay.lake.staging import storage_errors

        for folder in (self.lake_path, self.settings.folders.quarantine):
            with storage_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
        self.ledger.tasks.counts()

    def abandon(self) -> None:
        """Tasks of ours may be left that could not be handed back: let the next run see that we are gone."""
        if "staging" in self.__dict__:
            self.staging.abandon()

    def close(self) -> None:
        """Let go of connections and of the staging folder."""
        for part in ("rest", "batch_rest", "staging", "budget", "ledger"):
            if part in self.__dict__:
                self.__dict__[part].close()


@contextmanager
def open_app(settings: Settings, clock: Clock | None = None) -> Iterator[App]:
    """A wired App, closed at the end of the block."""
    app = App(settings, clock or SystemClock(), new_worker_id())
    try:
        yield app
    except BaseException as error:
        if isinstance(error, LedgerError) or not isinstance(error, ForebayError):
            app.abandon()
        raise
    finally:
        app.close()
