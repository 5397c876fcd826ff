"""The orchestrator, wired: the registry's symbols, and what each phase needs of the application."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from forebay.errors import UsageError
from forebay.ledger.streams import Streams
from forebay.model.calendar import NEW_YORK
from forebay.model.feed import LAKE
from forebay.model.registry import Phase, SymbolRegistry
from forebay.model.sink_place import KAFKA, TIMESCALE
from forebay.model.task import TaskKind
from forebay.orchestration.gaps import Gaps
from forebay.orchestration.ingest.backfill import Backfill
from forebay.orchestration.ingest.feeds import feeds_of, misfit
from forebay.orchestration.ingest.phases import RunPhase
from forebay.orchestration.ingest.run import Ingest
from forebay.orchestration.ingest.snapshots import TakeThem
from forebay.orchestration.ingest.stream import HandOver
from forebay.orchestration.plan import Line, Plan
from forebay.orchestration.wanted import Wish
from forebay.orchestration.worker import Worker

if TYPE_CHECKING:
    from forebay.app.wired import App

_BATCH = 200
"""Symbols that are planned together: enough for files of the whole market to pay, few enough to share with others."""


def open_ingest(app: App, hear_worker: Callable[[Worker], None] = lambda _: None) -> Ingest:
    """The orchestrator. `hear_worker` is told of each worker that it makes, to stop it when it has to stop."""

    def worker(*kinds: TaskKind) -> Worker:
        made = app.worker(kinds=kinds or tuple(TaskKind))
        hear_worker(made)
        return made

    backfill = Backfill(
        app.ledger,
        app.clock,
        app.outlook,
        app.planner,
        worker,
        lambda wish, gaps: _rows_come(app, wish, gaps),
        lambda wishes: _unknown(app, wishes),
        _destinations(app),
    )
    run_phase: dict[Phase, RunPhase] = {
        Phase.BACKFILL: backfill,
        Phase.SNAPSHOT: TakeThem(app.ledger, app.clock, lambda: worker(TaskKind.SNAPSHOT)),
        Phase.STREAM: HandOver(app.registry, Streams(app.ledger.database, app.clock)),
    }
    to_kafka = bool(app.settings.kafka.bootstrap_servers)
    return Ingest(app.registry, run_phase, app.clock, app.worker_id, _BATCH, to_kafka)


def forecast(app: App, entries: Sequence[SymbolRegistry]) -> Plan:
    """What a backfill of these would fetch, by what the ledger remembers; asks nobody and changes nothing.

    The plan's notes say of whom nothing could be had, and why. Raises LedgerError.
    """
    having = [entry for entry in entries if Phase.BACKFILL in entry.strategy.phases or not entry.strategy.known]
    notes = [why for entry in having if (why := misfit(entry))]
    planner = app.planner()
    lines: list[Line] = []
    for feed in feeds_of([entry for entry in having if not misfit(entry)], _destinations(app)):
        try:
            lines += planner.plan(app.known_wishes([feed])).lines
        except UsageError as error:
            notes.append(f"{', '.join(feed.symbols or ())}: {error}")
    return Plan(planner.now, tuple(lines), notes=tuple(notes))


def _destinations(app: App) -> tuple[str, ...]:
    """Where the history of symbols goes: to Kafka, too, where one is set, or without it into a database that is."""
    if app.settings.kafka.bootstrap_servers:
        return (LAKE, str(app.sink_place(KAFKA)))
    return (LAKE, str(app.sink_place(TIMESCALE))) if "TIMESCALE_HOST" in app.settings.origins else (LAKE,)


def _rows_come(app: App, wish: Wish, gaps: Gaps) -> Mapping[str, int]:
    from forebay.orchestration.ingest.lake_rows import rows_come

    return rows_come(app.lake, wish, gaps)


def _unknown(app: App, wishes: Sequence[Wish]) -> Collection[str]:
    if not app.has_rest or not wishes:
        return ()
    from forebay.orchestration.ingest.lake_rows import silent
    from forebay.symbols.unknown import unknown_tickers

    strange = silent(app.lake, app.universes, wishes)
    today = app.clock.now().astimezone(NEW_YORK).date()
    return unknown_tickers(app.rest, app.universes, strange, today, at_most=_BATCH)
