"""The quality of the lake, wired: who verifies it, who mends it, and who replays the quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from forebay.app.trades import trade_check
from forebay.lake.verification.verify import TableReader
from forebay.ledger.filter import TaskFilter
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.feed import LAKE
from forebay.model.task import Task, TaskDraft, TaskKind, TaskState
from forebay.orchestration.mend import Mending
from forebay.orchestration.one_task import finish
from forebay.orchestration.replay import Replay
from forebay.orchestration.upstream import Upstream
from forebay.orchestration.verify import Verifier
from forebay.orchestration.verify_records import RecordsBook
from forebay.orchestration.verify_vendor import Witnesses

if TYPE_CHECKING:
    from forebay.app.wired import App
    from forebay.lake.intake.note import Quarantined
    from forebay.model.feed import Feed
    from forebay.model.partition import Revision

_MOST = 1_000_000
"""Tasks that are looked at for those that did not end well."""


def verifier(app: App, *, grouped: bool = False, seed: int = 0) -> Verifier:
    """Verifies the lake; with `grouped` REST is a witness. Raises UsageError when that has no key."""
    if grouped:
        app.settings.vendor.require_api_key()
    trades = TableReader.of(app.lake.home, LAKE_DATASETS["stocks/trades"])
    coverage = app.ledger.coverage
    witnesses = Witnesses(coverage, trade_check(app), trades, app.batch_rest if grouped else None, seed)
    return Verifier(app.lake.home, RecordsBook(coverage, app.quarantine), witnesses)


def wanted_days(app: App, feeds: Sequence[Feed]) -> dict[str, set[date]]:
    """Table to the session dates that feeds want in the lake; from what is remembered, no network."""
    found: dict[str, set[date]] = {}
    for wish in app.known_wishes(feeds):
        if wish.destination == LAKE:
            found.setdefault(wish.table, set()).update(wish.days)
    return found


def mending(app: App) -> Mending:
    """Mends it."""
    return Mending(app.ledger, app.tables)


def replaying(app: App, notes: Iterable[Quarantined]) -> Replay:
    """Replays what is in quarantine; the vendor's listing of its days is looked at first, where there are keys."""
    if app.has_flatfiles:
        spans = [(LAKE_DATASETS[note.table], note.partition.dates) for note in notes if note.table in LAKE_DATASETS]
        Upstream(app.flatfiles, app.ledger).look(spans)
    return Replay(app.ledger, app.quarantine, app.tables, app.clock, partial(_can_load, app), partial(_load_anew, app))


def _can_load(app: App, key: str, revision: Revision) -> bool:
    held = app.archive.find(key) if app.keeps_archive else None
    return app.has_flatfiles or (held is not None and held.is_revision(revision))


def _load_anew(app: App, drafts: Sequence[TaskDraft]) -> list[Task]:
    """Run these tasks, one after the other and no others; those that did not end well."""
    app.ledger.tasks.add(drafts, again=True, planned_at=app.clock.now())
    worker, ended = app.worker(kinds=[TaskKind.LOAD], interactive=True), list[Task]()
    for draft in drafts:
        (task,) = app.ledger.tasks.find(TaskFilter(destination=draft.destination, key=draft.key), limit=1)
        ended.append(finish(app.ledger, app.clock, task.id, worker))
    return [task for task in ended if task.state is not TaskState.COMPLETED]


def carry_out(app: App, drafts: Sequence[TaskDraft], planned_at: datetime | None = None) -> list[Task]:
    """Work these tasks off, by the archive or the vendor; those that did not end well, whoever ran them.

    `planned_at`: when it was looked what lacks, now if not given. What was completed since then is not run again.
    """
    app.ledger.tasks.add(drafts, again=True, planned_at=planned_at or app.clock.now())
    app.worker(kinds=[TaskKind.LOAD, TaskKind.FETCH]).drain()
    return not_completed(app, drafts)


def not_completed(app: App, drafts: Iterable[TaskDraft]) -> list[Task]:
    """The tasks of these drafts that have not ended well."""
    keys = {draft.key for draft in drafts}
    states = [state for state in TaskState if state is not TaskState.COMPLETED]
    unfinished = app.ledger.tasks.find(TaskFilter(states=states, destination=LAKE), limit=_MOST)
    return [task for task in unfinished if task.draft.key in keys]
