"""The coverage grid, wired: who wants what, and where the storage is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from forebay.errors import ForebayError, UsageError
from forebay.feeds_file import FEEDS_FILE, read_feeds
from forebay.lake.reading.tables import Tables
from forebay.ledger.grid import GridBook
from forebay.model.feed import LAKE, Feed
from forebay.model.registry import Phase
from forebay.model.task import Task
from forebay.orchestration.grid.grids import Grids
from forebay.orchestration.grid.repair import CellRepair, Scope
from forebay.orchestration.grid.stored import ShelfDays, Stored, StoredDays
from forebay.orchestration.ingest.feeds import feeds_of, misfit
from forebay.orchestration.wanted import Wish
from forebay.orchestration.worker import Worker

if TYPE_CHECKING:
    from forebay.app.wired import App


def open_grids(app: App) -> Grids:
    """Makes the grid of what feeds and the registry want. Raises LedgerError, UsageError for an address of the lake."""
    return Grids(
        GridBook(app.ledger.database, app.clock),
        lambda: wishes_of_all(app),
        app.universes.lifetimes,
        _where_stored(app),
        app.clock,
    )


def wishes_of_all(app: App) -> tuple[list[Wish], list[str]]:
    """What anybody wants, by what is remembered, and a sentence on each feed that says nothing that could be had.

    The feeds of forebay.toml where the process runs, those that commands named, and the registry's. Raises LedgerError.
    """
    wishes, notes = list[Wish](), list[str]()
    for feed in _feeds(app, notes):
        try:
            wishes += app.known_wishes([feed])
        except UsageError as error:
            notes.append(f"feed {feed.name!r} is not shown: {error}")
    return wishes, notes


def repair_cell(
    app: App, scope: Scope, hear_worker: Callable[[Worker], None], is_stopped: Callable[[], bool]
) -> Iterator[Task]:
    """Put one cell of the grid right, see `CellRepair.run`. `hear_worker` is told of the worker, to stop it."""
    worker = app.worker(interactive=True)
    hear_worker(worker)
    lake = StoredDays(Tables(app.lake_home))

    def look(destination: str, table: str) -> Stored | None:
        return lake.of(table) if destination == LAKE else ShelfDays(app.archive.store, app.clock).look(table)

    wishes, _ = wishes_of_all(app)
    return CellRepair(app.ledger, app.outlook(), look, app.clock, worker, is_stopped).run(wishes, scope)


def _where_stored(app: App) -> Callable[[str, str], Stored | None]:
    """What lake and archive list; the archive only where one is kept."""
    lake, shelves = StoredDays(Tables(app.lake_home)), list[ShelfDays]()

    def find(destination: str, table: str) -> Stored | None:
        if destination == LAKE:
            return lake.of(table)
        if not shelves and app.keeps_archive:
            shelves.append(ShelfDays(app.archive.store, app.clock))
        return shelves[0].of(table) if shelves else None

    return find


def _feeds(app: App, notes: list[str]) -> Sequence[Feed]:
    named: list[Feed] = []
    try:
        named = [*map(app.placed, read_feeds(FEEDS_FILE, app.clock.now()))] if FEEDS_FILE.exists() else []
    except ForebayError as error:
        notes.append(f"the feeds of {FEEDS_FILE} are not shown: {error}")
    names = {feed.name for feed in named}
    kept = [
        entry
        for entry in app.registry.list(enabled_only=True)
        if Phase.BACKFILL in entry.strategy.phases and not misfit(entry)
    ]
    return [*named, *(feed for feed in app.ledger.feeds.list() if feed.name not in names), *feeds_of(kept)]
