"""What an earlier system's tracker said of its files, turned into coverage and tasks. Its word is checked first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from forebay.errors import NotEntitled
from forebay.ledger import Ledger
from forebay.model.catalogue import DATASETS, Dataset
from forebay.model.feed import ARCHIVE
from forebay.model.task import TaskState
from forebay.orchestration.archive.adopt import Adopter
from forebay.orchestration.discoverer import Discoverer, on_demand


@dataclass(slots=True)
class TakenOver:
    """What became of the tracker's rows."""

    adopted: int = 0
    """Completed rows whose file is in the archive as the vendor lists it: held now."""
    queued: int = 0
    """Rows that are tasks now: never completed, or their file is not there any more."""
    unknown: list[str] = field(default_factory=list)
    """Keys that are no flat file of the vendor's, or of a day to come; they are left alone."""
    refused: list[str] = field(default_factory=list)
    """Why files of a dataset could not be queued: the plan no longer has it."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """Settles the rows of the earlier tracker, dataset by dataset; killed in between, the next run goes on."""

    ledger: Ledger
    adopter: Adopter
    discoverer: Discoverer

    def settle(self) -> TakenOver:
        """Look at the store and the vendor's listing. Raises StoreError, VendorError, LedgerError."""
        tally = TakenOver()
        datasets: defaultdict[Dataset, dict[date, bool]] = defaultdict(dict)
        for row in self.ledger.earlier.rows():
            dataset = DATASETS.get("/".join(row.file_key.split("/")[:2]))
            day = dataset.day_of(row.file_key) if dataset else None
            if dataset is None or day is None or day > self.adopter.clock.now().date():
                tally.unknown.append(row.file_key)
            else:
                datasets[dataset][day] = row.status == TaskState.COMPLETED
        for dataset, completed in datasets.items():
            self._settle(dataset, completed, tally)
        self.ledger.earlier.settled(tally.unknown)
        return tally

    def _settle(self, dataset: Dataset, completed: Mapping[date, bool], tally: TakenOver) -> None:
        done = {day for day, is_done in completed.items() if is_done}
        candidates = [one for one in self.adopter.sift(dataset).candidates if one.sides.day in done]
        for finding in self.adopter.adopt(candidates):
            tally.adopted += finding is None
        try:
            found = self.discoverer.discover(on_demand([dataset], list(completed), [ARCHIVE]))[0]
        except NotEntitled as error:
            tally.refused.append(str(error))
            return
        tally.queued += sum(one.added for one in found)
        self.ledger.earlier.settled(dataset.key(day) for day in completed)
