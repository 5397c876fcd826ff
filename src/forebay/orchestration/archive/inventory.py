"""The archive from its sides: what the ledger says it holds, what the store lists, and what lies there besides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from forebay.ledger import Ledger
from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS, Dataset
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import ARCHIVE
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.stores.store import Store, Stored

OURS = ".forebay/"
"""What lies under it in a store is not the vendor's: receipts, earlier revisions, damaged files."""
_AFTER_SLASH = "0"
"""The character after `/`: `folder0` sorts behind everything in `folder/`."""

_DAY = timedelta(days=1)


@dataclass(slots=True)
class Shelf:
    """One dataset's folder as the store lists it."""

    files: dict[date, Stored] = field(default_factory=dict)
    foreign: list[Stored] = field(default_factory=list)
    """Objects in it whose keys are not the dataset's; only where all dates were asked for."""


def shelf(store: Store, dataset: Dataset, dates: Interval | None = None) -> Shelf:
    """List a dataset's folder, one request for a thousand keys; days outside `dates` are left out."""
    found = Shelf()
    for stored in store.list(f"{dataset.name}/", after=_before(dataset, dates)):
        if dates and stored.key > dataset.key(dates.end):
            break
        day = dataset.day_of(stored.key)
        if day is None:
            if dates is None:
                found.foreign.append(stored)
        elif dates is None or day in dates:
            found.files[day] = stored
    return found


def _before(dataset: Dataset, dates: Interval | None) -> str:
    """A key that sorts just before those of `dates`, whose ends may be open."""
    return dataset.key(dates.start - _DAY) if dates and dates.start > date.min else ""


@dataclass(slots=True)
class Survey:
    """What a store has at its top: which datasets, and objects that are in no dataset's folder."""

    datasets: set[Dataset] = field(default_factory=set)
    strangers: list[Stored] = field(default_factory=list)
    """In the order of keys."""


def survey(store: Store) -> Survey:
    """Look where something is, without listing the datasets' folders: about one request for each that is there.

    Names that sort before `.forebay/`, such as `.DS_Store`, are nobody's data and left out.
    """
    found = Survey()
    after: str | None = OURS[:-1] + _AFTER_SLASH
    while after is not None:
        start, after = after, None
        for stored in store.list("", start):
            name = "/".join(stored.key.split("/")[:2])
            if (dataset := DATASETS.get(name)) and stored.key != name:
                found.datasets.add(dataset)
                after = name + _AFTER_SLASH
                break
            found.strangers.append(stored)
    return found


def known_files(ledger: Ledger, dataset: Dataset, dates: Interval | None = None) -> dict[date, Coverage]:
    """What the ledger says of each day's file in the archive, whatever the verdict, sorted by day."""
    rows = ledger.coverage.find(ARCHIVE, dataset.table, [ALL_SYMBOLS], dates, limit=None)
    return {row.partition.day: row for row in rows if row.source is Source.FLATFILE}


def is_held(row: Coverage | None) -> bool:
    """Whether the ledger counts on the file."""
    return row is not None and row.verdict is Verdict.COMPLETE


@dataclass(frozen=True, slots=True)
class Holding:
    """What the archive has of one dataset."""

    dataset: str
    first: date
    last: date
    files: int
    bytes: int
    missing: tuple[date, ...]
    """Sessions between the first and the last day without a file, sorted."""
    kept: int
    """Earlier revisions of re-published files."""
    never_read: int
    """Files that were taken over as they lay there, without reading them."""


def holdings(ledger: Ledger, datasets: Iterable[Dataset]) -> Iterator[Holding]:
    """What the ledger says the archive holds; datasets with nothing are left out. Asks no store."""
    for dataset in datasets:
        rows = {day: row for day, row in known_files(ledger, dataset).items() if is_held(row)}
        if rows:
            yield Holding(
                dataset=dataset.name,
                first=min(rows),
                last=max(rows),
                files=len(rows),
                bytes=sum(row.evidence.bytes or 0 for row in rows.values()),
                missing=_missing(dataset, rows),
                kept=sum(len(earlier_revisions(row)) for row in rows.values()),
                never_read=sum(not row.evidence.sha256 for row in rows.values()),
            )


def stored_holdings(store: Store, datasets: Iterable[Dataset]) -> Iterator[Holding]:
    """The same as the store lists it; what no listing shows is counted as nothing."""
    for dataset in datasets:
        files = shelf(store, dataset).files
        if files:
            kept = sum(not each.key.endswith(".json") for each in store.list(f"{OURS}revisions/{dataset.name}/"))
            size = sum(each.size for each in files.values())
            yield Holding(
                dataset.name, min(files), max(files), len(files), size, _missing(dataset, files), kept, never_read=0
            )


def earlier_revisions(row: Coverage) -> list[dict[str, object]]:
    """What is known of the revisions that the file replaced."""
    return list(row.evidence.details.get("replaced", ()))


def _missing(dataset: Dataset, held: Collection[date]) -> tuple[date, ...]:
    return tuple(day for day in session_days(dataset.calendar, min(held), max(held)) if day not in held)
