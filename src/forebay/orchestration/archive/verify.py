"""Verifying the archive: storage against ledger against the vendor's listing; what is not there is not counted on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from forebay.errors import StoreError
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage
from forebay.model.feed import ARCHIVE
from forebay.model.intervals import Interval
from forebay.model.partition import Revision
from forebay.model.task import TaskState
from forebay.orchestration.archive.findings import Fault, Finding, Sides, judge
from forebay.orchestration.archive.inventory import OURS, Shelf, is_held, known_files, shelf
from forebay.orchestration.upstream import Upstream
from forebay.stores.archive import Archive


@dataclass(frozen=True, slots=True)
class Compared:
    """One dataset, compared."""

    dataset: str
    known: int
    """Files that the ledger held."""
    stored: int
    """Files with the vendor's keys in storage."""
    listed: int | None
    """Files that the vendor lists within the days held; None when it was not asked."""
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> int:
        """Files about which the sides agree."""
        return self.known - len({finding.day for finding in self.findings if finding.fault not in _NOT_KNOWN})


_NOT_KNOWN = (Fault.UNKNOWN, Fault.NOT_HELD, Fault.FOREIGN, Fault.SUSPECT)
"""Faults of files that the ledger does not hold."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Compares the sides, dataset by dataset. What storage does not have, or has differently, the ledger gives up."""

    ledger: Ledger
    archive: Archive
    upstream: Upstream | None
    """None: the vendor is not asked."""
    wanted: Mapping[str, Collection[date]] = field(default_factory=dict)
    """Dataset to the days that feeds want archived. A dataset that no feed names is wanted from its first held day to
    its last: it was adopted, or its feeds were lost with the ledger."""

    def compare(self, dataset: Dataset, dates: Interval | None = None) -> Compared:
        """Compare one dataset, on all days or on those in `dates`. Raises StoreError, VendorError, LedgerError."""
        first = self._look(dataset, dates)
        listed = self._listed(dataset, first.span)
        found = first.findings(listed or {})
        if found:  # a worker may have been at it between the two listings: a fault is what is there twice
            second = self._look(dataset, dates)
            again = {finding.key: finding for finding in second.findings(listed or {})}
            found = [again[each.key] for each in found if each.key in again and again[each.key].fault is each.fault]
            found = self._without_unwanted(self._without_busy(found))
            self._withdraw(second, found)
        foreign = (Finding(Fault.FOREIGN, each.key, _FOREIGN, dataset.name) for each in first.shelf.foreign)
        return Compared(
            dataset=dataset.name,
            known=sum(is_held(row) for row in first.known.values()),
            stored=len(first.shelf.files),
            listed=None if listed is None else len(listed),
            findings=(*found, *foreign),
        )

    def _look(self, dataset: Dataset, dates: Interval | None) -> _Look:
        """The ledger first: a file that is finished meanwhile is then in storage, not the other way round."""
        return _Look(dataset, known_files(self.ledger, dataset, dates), shelf(self.archive.store, dataset, dates))

    def _listed(self, dataset: Dataset, span: Interval | None) -> dict[date, Revision] | None:
        if self.upstream is None:
            return None
        if span is None:
            return {}
        self.upstream.look([(dataset, span)])
        return self.ledger.listings.revisions(dataset.name, span.start, span.end)

    def _without_busy(self, findings: list[Finding]) -> list[Finding]:
        """Findings about files that no worker is at: what is visible and not recorded yet is no fault."""
        if not any(finding.fault is Fault.UNKNOWN for finding in findings):
            return findings
        held = [state for state in TaskState if state.held]
        busy = self.ledger.tasks.find(TaskFilter(states=held, destination=ARCHIVE), limit=_MOST_WORKERS)
        keys = {task.draft.key for task in busy}
        return [finding for finding in findings if finding.key not in keys]

    def _without_unwanted(self, findings: list[Finding]) -> list[Finding]:
        """Findings without the files that nobody ever asked for."""
        return [
            finding
            for finding in findings
            if finding.fault is not Fault.NOT_HELD
            or finding.dataset not in self.wanted
            or finding.day in self.wanted[finding.dataset]
        ]

    def _withdraw(self, look: _Look, findings: Iterable[Finding]) -> None:
        lost = [finding for finding in findings if finding.fault.withdrawn]
        for finding in lost:
            stored = look.shelf.files.get(finding.day) if finding.day else None
            if stored is not None and finding.fault.set_aside:
                self.archive.set_aside(stored)
        self.ledger.coverage.withdraw(look.known[finding.day] for finding in lost if finding.day)


_MOST_WORKERS = 100_000
_FOREIGN = "its key is not one of the dataset's"


@dataclass(frozen=True, slots=True)
class _Look:
    """One dataset in the ledger and, a moment later, in storage."""

    dataset: Dataset
    known: dict[date, Coverage]
    shelf: Shelf

    @property
    def span(self) -> Interval | None:
        """From the first day that is held or stored to the last."""
        days = {day for day, row in self.known.items() if is_held(row)} | self.shelf.files.keys()
        return Interval(min(days), max(days)) if days else None

    def findings(self, listed: dict[date, Revision]) -> list[Finding]:
        days = sorted({*self.known, *self.shelf.files, *listed})
        sides = (
            Sides(self.dataset, day, self.known.get(day), self.shelf.files.get(day), listed.get(day)) for day in days
        )
        return [finding for each in sides if (finding := judge(each))]


def check_place(archive: Archive, ledger: Ledger, datasets: Collection[Dataset]) -> None:
    """Raise StoreError when storage has nothing at all and the ledger holds files: that is the wrong place.

    Believing it would mean to fetch the whole archive again.
    """
    if next(archive.store.list("", OURS[:-1] + "0"), None) is not None:
        return
    held = sum(is_held(row) for dataset in datasets for row in known_files(ledger, dataset).values())
    if held:
        raise StoreError(
            f"there is nothing at {archive.address}, and the ledger holds {held:,} files there",
            remedy="see that the disk is mounted and that ARCHIVE_URI, B2_BUCKET_NAME and ARCHIVE_PREFIX are right; if "
            "the files are really gone, `forebay ledger rebuild` makes the ledger forget them",
        )
