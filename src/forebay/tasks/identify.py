"""identify: the vendor's reference lists into the universe table and a universe file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forebay.errors import StoreError, UsageError
from forebay.model.calendar import NEW_YORK
from forebay.model.coverage import Evidence, Verdict
from forebay.model.task import Discard, Done, Lease, Outcome, Step, TaskState
from forebay.model.universe import Universe
from forebay.symbols.discover import discover
from forebay.symbols.discovery import from_key
from forebay.symbols.universe_file import universe_path, write_universe
from forebay.symbols.universes import Universes
from forebay.symbols.unknown import look_up_absent
from forebay.tasks.records import Records
from forebay.vendor.rest import RestClient


@dataclass(frozen=True, slots=True)
class Identify:
    """Reads every page first: a list that breaks off changes nothing. Nobody found is an answer: known empty."""

    rest: RestClient
    universes: Universes
    folder: Path
    """Where universe files are."""
    records: Records

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises VendorError, StoreError, LedgerError, LeaseLost."""
        draft = lease.task.draft
        try:
            wanted = from_key(draft.key)
        except UsageError as error:  # of another version: no reason for a worker to stop
            return Discard(error.kind, f"{error} ({error.remedy})")
        step(TaskState.DOWNLOADING)
        today = self.records.clock.now().astimezone(NEW_YORK).date()
        found = discover(self.rest, wanted, today)
        step(TaskState.DOWNLOADED, TaskState.UPLOADING)
        self.universes.record(found)
        look_up_absent(self.rest, self.universes, found, today)
        path = wanted.path(universe_path(found.category, found.as_of, self.folder))
        try:
            details = self._deliver(found, path)
        except StoreError as error:
            if wanted.out:  # where one user wants it; other tasks need not suffer
                return Discard(error.kind, f"{error} ({error.remedy})")
            raise
        verdict = Verdict.COMPLETE if found.listings else Verdict.KNOWN_EMPTY
        return Done((self.records.coverage(draft, verdict, Evidence(rows=len(found.listings), details=details)),))

    def _deliver(self, found: Universe, path: Path) -> dict[str, Any]:
        active = sum(listing.active for listing in found.listings)
        counts: dict[str, Any] = {"active": active, "delisted": len(found.listings) - active}
        if not found.listings:
            return counts
        write_universe(path, found)
        return {**counts, "complete": found.complete, "file": str(path)}
