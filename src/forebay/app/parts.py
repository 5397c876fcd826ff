"""The parts of an application: ledger, lake, vendor, archive and what else has a state, each made on first use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from forebay.app.calls import shared_budget
from forebay.budget.shared import SharedBudget
from forebay.clock import Clock
from forebay.files.names import Form
from forebay.ledger import Ledger
from forebay.model.feed import ARCHIVE
from forebay.orchestration.plan_file import fingerprint
from forebay.settings import Settings

if TYPE_CHECKING:
    from forebay.lake.compaction.compaction import Compaction
    from forebay.lake.compaction.vacuum import Vacuum
    from forebay.lake.home.home import Home
    from forebay.lake.home.staging import Free, Staging
    from forebay.lake.intake.quarantine import Quarantine
    from forebay.lake.reading.reader import Lake
    from forebay.lake.writing.table import LakeTables
    from forebay.stores.archive import Archive
    from forebay.stores.store import Files
    from forebay.symbols.registry import Registry
    from forebay.symbols.universes import Universes
    from forebay.tasks.ticker_files import TickerFiles
    from forebay.vendor.flatfiles import FlatFiles
    from forebay.vendor.rest import RestClient
    from forebay.vendor.throttle import Throttle


@dataclass
class Parts:
    """What an application is made of.

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
        """This process's folder for files under way. Workers of this machine that are found dead lose their tasks."""
        from forebay.lake.home.staging import Staging

        return Staging(self.settings.folders.tmp, self.worker_id, self._free)

    @property
    def _free(self) -> Free:
        """Frees what a dead worker held. Opens the ledger before any folder is made: its trouble is told first."""
        tasks = self.ledger.tasks
        return lambda dead: tasks.rescue(dead=[dead])

    @cached_property
    def tables(self) -> LakeTables:
        """The lake, for writing."""
        from forebay.lake.writing.table import LakeTables

        return LakeTables(self.lake_home, self.staging)

    def compaction(self) -> Compaction:
        """Puts the lake's files together."""
        from forebay.lake.compaction.compaction import Compaction

        return Compaction(self.tables)

    def vacuum(self, grace: timedelta | None = None) -> Vacuum:
        """Removes the lake's files that nobody needs, after `grace` or else LAKE_GRACE_DAYS."""
        from forebay.lake.compaction.vacuum import Vacuum

        return Vacuum(self.tables, timedelta(days=self.settings.lake.grace_days) if grace is None else grace)

    @cached_property
    def lake_home(self) -> Home:
        """Where the lake lives. Raises UsageError for an address that is not one."""
        from forebay.lake.home.address import home_at

        return home_at(self.settings.lake.uri, aws=self.settings.aws, clock=self.clock)

    @cached_property
    def lake(self) -> Lake:
        """The lake, for reading."""
        from forebay.lake.reading.reader import Lake

        return Lake(self.lake_home, warns=False)

    @cached_property
    def quarantine(self) -> Quarantine:
        """What failed a check."""
        from forebay.lake.intake.quarantine import Quarantine

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

    @cached_property
    def registry(self) -> Registry:
        """The registry of symbols, in the ledger's database."""
        from forebay.symbols.registry import Registry

        return Registry(self.ledger.database, self.clock)

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

    def ticker_files(self, folder: Path | None = None, form: str | None = None) -> TickerFiles:
        """The files of tickers in `folder` (FOREBAY_HOME), written as `form` (FILES_FORMAT) from the lake."""
        from forebay.tasks.ticker_files import TickerFiles

        written = Form(form or self.settings.files.form)
        return TickerFiles(self.lake, folder or self.settings.folders.home, written, self.clock)

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

    def confirm_lake(self, tables: Iterable[str]) -> None:
        """See that the lake has the tables that the ledger has rows of. Raises LakeError when one is lost."""
        from forebay.orchestration.place import confirm_lake

        confirm_lake(self.ledger, self.lake_home, tables)

    def recover(self) -> None:
        """Clear up after workers of this machine that died: their staged files go, their tasks are free at once."""
        self.rescue()
        if self.settings.folders.spool.is_dir():
            from forebay.tasks.spool import Spool

            Spool(self.settings.folders.spool).sweep(lambda key: self.ledger.tasks.is_settled(ARCHIVE, key))

    def rescue(self) -> None:
        """Free the tasks of workers whose lease ran out, and at once those of this machine's that have died."""
        from forebay.lake.home.staging import sweep

        sweep(self.staging.folder.parent, self._free)
        self.ledger.tasks.rescue()

    def make_folders(self) -> None:
        """Make the folders and the schema that would otherwise be made on first use. Raises StoreError, LedgerError."""
        from forebay.lake.home.staging import storage_errors

        self.lake_home.make()
        quarantine = self.settings.folders.quarantine
        with storage_errors(quarantine):
            quarantine.mkdir(parents=True, exist_ok=True)
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
