"""The wired application: who plans, works, discovers and looks, made from its parts."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from forebay.app.handlers import Handlers
from forebay.app.parts import Parts
from forebay.clock import Clock, SystemClock
from forebay.errors import ForebayError, LedgerError
from forebay.files.names import Form, ticker_file
from forebay.ledger.filter import TaskFilter
from forebay.model.catalogue import Dataset
from forebay.model.csv_lzo import CSV_LZO, BarArchive, Window, bar_archive
from forebay.model.feed import FILES, Feed
from forebay.model.sink_place import KAFKA, TIMESCALE, SinkPlace, sink_place
from forebay.model.task import Task, TaskKind, TaskState
from forebay.orchestration.entitlement import Entitlements, remembered_reach
from forebay.orchestration.exports import Exports
from forebay.orchestration.leases import HeldLeases
from forebay.orchestration.plan import Rates
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
    from forebay.orchestration.discoverer import Discoverer
    from forebay.orchestration.identifying import Identifying
    from forebay.orchestration.offline import Offline
    from forebay.orchestration.reconcile import Reconciler
    from forebay.orchestration.takeover import TakenOver


def new_worker_id() -> str:
    """Unique per process start: a host name alone comes back after a restart."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


def share_cores(tasks: int) -> None:
    """Leave each of `tasks` that run side by side its share of the cores.

    Polars takes a thread for every core in every process, and a sixth more CPU with them. No effect once it is loaded,
    or where POLARS_MAX_THREADS is set.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, (os.cpu_count() or 1) // tasks)))


class App(Parts):
    """Everything wired together."""

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

    def placed(self, feed: Feed) -> Feed:
        """The feed with each archive, Kafka and database outside named in full, in one spelling. Raises UsageError."""
        return replace(feed, destinations=tuple(dict.fromkeys(map(self.place, feed.destinations))))

    def place(self, destination: str) -> str:
        """The same of one destination; others as they are."""
        from forebay.stores.address import bar_archive_address

        if destination == CSV_LZO:
            return str(self.bar_archive())
        if destination in (KAFKA, TIMESCALE):
            return str(self.sink_place(destination))
        if there := sink_place(destination):
            return str(there)
        named = bar_archive(destination)
        if named is None:
            return destination
        return str(replace(named, address=bar_archive_address(named.address, self.settings.folders)))

    def bar_archive(self) -> BarArchive:
        """The csv.lzo archive of the settings. Raises UsageError for an address that is none."""
        from forebay.stores.address import bar_archive_address

        own = self.settings.csv_lzo
        return BarArchive(bar_archive_address(own.bucket, self.settings.folders), Window(own.window))

    def sink_place(self, sink: str) -> SinkPlace:
        """The topics, or the database, of the settings. Raises UsageError where no Kafka is named."""
        if sink == KAFKA:
            return SinkPlace.of_kafka(self.settings.kafka.prefix, self.settings.kafka.require_servers())
        own = self.settings.timescale
        return SinkPlace.of_database(own.database, own.host, own.port)

    def identify(self, tasks: Sequence[Task]) -> list[Task]:
        """Carry out these discoveries now; how they ended. Raises UsageError when there is no API key."""
        self.settings.vendor.require_api_key()
        return self.identifying.run(tasks, self.worker(kinds=[TaskKind.IDENTIFY], interactive=True))

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

    def _has_file(self, wish: Wish, ticker: str) -> bool:
        if wish.destination != FILES:  # to see what a bucket has would take a request for each
            return True
        form = Form(self.settings.files.form)
        return ticker_file(self.settings.folders.home, ticker, wish.timeframe, form).path.exists()

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

    def holds_tasks(self) -> bool:
        """Whether tasks of ours may be held that nobody works on: the ledger could not be told, or cannot be asked."""
        held = TaskFilter(states=[state for state in TaskState if state.held], worker=self.worker_id)
        try:
            return "ledger" in self.__dict__ and bool(self.ledger.tasks.find(held, limit=1))
        except LedgerError:
            return True

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


@contextmanager
def open_app(settings: Settings, clock: Clock | None = None) -> Iterator[App]:
    """A wired App, closed at the end of the block."""
    app = App(settings, clock or SystemClock(), new_worker_id())
    try:
        yield app
    except BaseException as error:
        if not isinstance(error, ForebayError) or app.holds_tasks():
            app.abandon()
        raise
    finally:
        app.close()
