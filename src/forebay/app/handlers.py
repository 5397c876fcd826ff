"""Which handler does which kind of task; each is made when its first task comes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from forebay.model.csv_lzo import bar_archive
from forebay.model.sink_place import sink_place
from forebay.model.task import Lease, Outcome, Step, TaskKind
from forebay.orchestration.leases import HeldLeases
from forebay.orchestration.worker import Handler

if TYPE_CHECKING:
    from forebay.app.parts import Parts
    from forebay.tasks.publish import Send
    from forebay.tasks.records import Records
    from forebay.vendor.rest import RestClient


@dataclass(frozen=True)
class Handlers:
    """The handlers of one worker, made from the parts of an application: one that archives loads no data library."""

    app: Parts
    leases: HeldLeases
    spool: bool
    """Whole files are downloaded before they are uploaded."""
    offline: bool = False
    """The vendor is not asked, whichever keys are set."""
    interactive: bool = False
    """A person waits for these tasks."""
    _making: Lock = field(default_factory=Lock, repr=False)

    def of(self, kinds: Collection[TaskKind]) -> dict[TaskKind, Handler]:
        """A handler for each of `kinds` that the keys allow."""
        archive, files = self.app.keeps_archive, self._has_files
        can = {
            TaskKind.MIRROR: files and archive,
            TaskKind.LOAD: files or archive,
            TaskKind.FETCH: self.app.has_rest and not self.offline,
            TaskKind.SNAPSHOT: self.app.has_rest and not self.offline,
            TaskKind.IDENTIFY: self.app.has_rest and not self.offline,
            TaskKind.EXPORT: True,
            TaskKind.PUBLISH: True,
            TaskKind.COMPACT: True,
        }
        make = {
            TaskKind.MIRROR: self._mirror,
            TaskKind.LOAD: self._load,
            TaskKind.FETCH: self._fetch,
            TaskKind.SNAPSHOT: self._snapshot,
            TaskKind.IDENTIFY: self._identify,
            TaskKind.EXPORT: self._export,
            TaskKind.PUBLISH: self._publish,
            TaskKind.COMPACT: self._compact,
        }
        return {kind: self._late(make[kind]) for kind in kinds if can.get(kind)}

    @property
    def _has_files(self) -> bool:
        return self.app.has_flatfiles and not self.offline

    @property
    def _rest(self) -> RestClient:
        return self.app.rest if self.interactive else self.app.batch_rest

    def _late(self, make: Callable[[], Handler]) -> Handler:
        made: list[Handler] = []

        def handle(lease: Lease, step: Step) -> Outcome:
            with self._making:
                if not made:
                    made.append(make())
            return made[0](lease, step)

        return handle

    def _mirror(self) -> Handler:
        from forebay.tasks.mirror import Mirror
        from forebay.tasks.spool import Spool

        spool = Spool(self.app.settings.folders.spool) if self.spool else None
        return Mirror(self.app.paced_files, self.app.archive, self._records(), self.leases.check, spool)

    def _load(self) -> Handler:
        from forebay.tasks.load import Load
        from forebay.tasks.origin import Origin

        files = self.app.paced_files if self._has_files else None
        archive = self.app.archive if self.app.keeps_archive else None
        return Load(Origin(files, archive, self.app.clock), self.app.tables, self._records())

    def _fetch(self) -> Handler:
        from forebay.tasks.fetch import Fetch

        return Fetch(self._rest, self.app.tables, self._records(), self.app.ledger.coverage)

    def _snapshot(self) -> Handler:
        from forebay.app.sending import snapshot_sender
        from forebay.app.snapshots import snapshots
        from forebay.tasks.snapshot import TakeSnapshots

        return TakeSnapshots(snapshots(self.app, self._rest), snapshot_sender(self.app.settings.kafka))

    def _identify(self) -> Handler:
        from forebay.tasks.identify import Identify

        return Identify(self._rest, self.app.universes, self.app.settings.folders.universe, self._records())

    def _export(self) -> Handler:
        from forebay.tasks.copies import Copies
        from forebay.tasks.export import Export

        return Export(self.app.ticker_files(), Copies(self.app.ledger))

    def _publish(self) -> Handler:
        from forebay.tasks.away import Away
        from forebay.tasks.copies import Copies
        from forebay.tasks.publish import Publish

        clock = self.app.clock
        return Publish(Copies(self.app.ledger), self._senders(), clock, Away(clock))

    def _senders(self) -> Callable[[str], Send | None]:
        """Destination to what sends there; None for one that is not known."""
        from forebay.app.csv_lzo import References, open_objects
        from forebay.app.sending import open_sink
        from forebay.tasks.archive_bars import ArchiveBars
        from forebay.tasks.send import SendBars

        app, coverage = self.app, self.app.ledger.coverage
        rest = self._rest if app.has_rest and not self.offline else None
        listing, objects = References(app.universes, rest, app.clock), open_objects(app)
        opened, timeout = partial(open_sink, app.settings), app.settings.kafka.timeout

        def sender(destination: str) -> Send | None:
            if place := sink_place(destination):
                return SendBars(place, app.lake, coverage, opened, timeout)
            if archive := bar_archive(destination):
                return ArchiveBars(archive, app.lake, coverage, objects, listing)
            return None

        return sender

    def _compact(self) -> Handler:
        from forebay.tasks.compact import Compact

        return Compact(self.app.compaction())

    def _records(self) -> Records:
        from forebay.tasks.records import Records

        return Records(self.app.quarantine, self.app.clock)
