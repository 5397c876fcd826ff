"""One run of `forebay archive verify`: compare everything, read what there is time for, sweep what was abandoned."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from forebay.clock import Clock
from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.catalogue import Dataset
from forebay.model.feed import ARCHIVE
from forebay.model.intervals import Interval
from forebay.orchestration.archive.findings import Fault, Finding
from forebay.orchestration.archive.inventory import Survey, survey
from forebay.orchestration.archive.scrub import Reach, Scrubbed, Scrubber, due_files, reach, within
from forebay.orchestration.archive.verify import Compared, Verifier, check_place
from forebay.orchestration.upstream import Upstream
from forebay.stores.archive import Archive
from forebay.telemetry.board import Board


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run is about."""

    datasets: Sequence[Dataset]
    dates: Interval | None = None
    whole: bool = True
    """Whether everything in the store is looked at, and not these datasets alone."""
    deep: bool = False
    """Read files through, too."""
    budget: int | None = None
    """Bytes to read at most; None: no limit."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What a run found."""

    compared: tuple[Compared, ...]
    """Datasets of which the ledger, the store or the vendor has anything."""
    strangers: tuple[Finding, ...]
    swept: int
    """Uploads that nobody was at any more."""
    scrubbed: Scrubbed | None
    """None: files were not read."""
    reach: Reach

    @property
    def findings(self) -> Iterator[Finding]:
        """Everything that is not as it should be."""
        for compared in self.compared:
            yield from compared.findings
        yield from self.strangers
        if self.scrubbed:
            yield from self.scrubbed.findings

    @property
    def sound(self) -> bool:
        """Nothing was found."""
        return next(self.findings, None) is None


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that a run works with."""

    ledger: Ledger
    archive: Archive
    upstream: Upstream | None
    """None: the vendor is not asked."""
    clock: Clock
    wanted: Mapping[str, Collection[date]] = field(default_factory=dict)
    """Dataset to the days that feeds want archived."""

    def run(self, scope: Scope, board: Board) -> Audited:
        """Do it all, with progress on `board`. Raises StoreError, VendorError, LedgerError."""
        check_place(self.archive, self.ledger, scope.datasets)
        there = survey(self.archive.store) if scope.whole else Survey(set(scope.datasets))
        strangers = (Finding(Fault.FOREIGN, each.key, "it is in no dataset's folder") for each in there.strangers)
        return Audited(
            compared=tuple(self._compare(scope, there.datasets, board)),
            strangers=tuple(strangers),
            swept=self.archive.sweep(self._is_somebodys, self.clock.now()),
            scrubbed=self._scrub(scope, board) if scope.deep else None,
            reach=reach(self.ledger, scope.datasets),
        )

    def _compare(self, scope: Scope, there: Collection[Dataset], board: Board) -> Iterator[Compared]:
        known = (dataset for dataset in scope.datasets if self.ledger.coverage.find(ARCHIVE, dataset.table, limit=1))
        wanted = {*known, *there}
        row = board.row("compared", len(wanted), "datasets")
        verifier = Verifier(self.ledger, self.archive, self.upstream, self.wanted)
        for dataset in (dataset for dataset in scope.datasets if dataset in wanted):
            compared = verifier.compare(dataset, scope.dates)
            row.advance(1, dataset.name)
            if compared.known or compared.stored or compared.findings:
                yield compared

    def _scrub(self, scope: Scope, board: Board) -> Scrubbed:
        due = within(scope.budget, due_files(self.ledger, scope.datasets, scope.dates))
        row, done = board.row("read through", len(due), "files"), Scrubbed()
        for each, finding in Scrubber(self.ledger, self.archive, self.clock).run(due):
            row.advance(1, f"{each.dataset} {each.day}")
            done.files += 1
            done.bytes += each.size
            if finding:
                done.findings.append(finding)
        return done

    def _is_somebodys(self, key: str) -> bool:
        """Whether an upload must be left alone: a worker is at it, or it is of no task of ours.

        Asked after the uploads were listed: one that was begun since then is not among them.
        """
        tasks = self.ledger.tasks.find(TaskFilter(key=key, destination=ARCHIVE), limit=1)
        return not tasks or tasks[0].state.held
