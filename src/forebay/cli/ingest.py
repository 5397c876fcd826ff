"""`forebay ingest`: runs the symbols of the registry, once or as a daemon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import get_ident
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import Json, Tickers, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say, tell
from forebay.cli.signals import stopping
from forebay.errors import UsageError

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.ingest.run import Ran
    from forebay.orchestration.worker import Worker


def ingest(
    ctx: typer.Context,
    tickers: Tickers = None,
    *,
    test_snapshot: Annotated[
        str | None,
        typer.Option("--test-snapshot", metavar="SYMBOL", help="Fetch, check and print one snapshot, and end."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what a run would do; change nothing.")] = False,
    daemon: Annotated[
        bool, typer.Option("--daemon", help="Stay: run the registry, then what the schedule says, until told to stop.")
    ] = False,
    json: Json = False,
) -> int:
    """Run every enabled symbol of the registry that is due: backfill, snapshot, stream, as its strategy says.

    A symbol that failed says why in the registry and is run again after a while; the others go on. Exit code 3 when one
    failed. Any number of runs at once share the symbols.

    Example: forebay ingest --dry-run
    """
    if daemon and tickers:
        raise UsageError("a daemon keeps the whole registry", remedy="leave out --tickers; disable the others")
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.snapshot import show_snapshot

    with open_app(settings) as app:
        if test_snapshot is not None:
            return show_snapshot(app, test_snapshot, json=json)
        if dry_run:
            return _forecast(app, tickers, json=json)
        app.recover()
        if daemon:
            return _serve(app)
        ran = _run(app, tickers)
        _tell_if_none(app, ran)
    return _show(ran, json=json)


@dataclass
class _Crew:
    """Whom a signal stops: the orchestrator takes no further symbols, the newest worker of each thread no tasks."""

    app: App
    workers: dict[int, Worker] = field(default_factory=dict)
    stopped: bool = False

    def __post_init__(self) -> None:
        from forebay.app.ingest import open_ingest

        self.ingest = open_ingest(self.app, self._hear)

    def _hear(self, worker: Worker) -> None:
        self.workers[get_ident()] = worker
        if self.stopped:
            worker.stop()

    def stop(self) -> None:
        self.stopped = True
        self.ingest.stop()
        for worker in list(self.workers.values()):
            worker.stop()


def _run(app: App, tickers: list[str] | None) -> list[Ran]:
    """The first SIGTERM or Ctrl-C finishes the tasks that run; what was not begun is left to the next run."""
    crew = _Crew(app)
    with stopping(crew.stop):
        return list(crew.ingest.run(_known(app, tickers), not_since=app.clock.now()))


def _serve(app: App) -> int:
    from forebay.app.daemon import first_run, open_scheduler, streaming
    from forebay.telemetry.pulse import pulse

    crew = _Crew(app)
    scheduler = open_scheduler(app, crew.ingest)

    def stop() -> None:
        scheduler.stop()
        crew.stop()

    with stopping(stop), pulse(app.settings.folders.services, "ingest", app.clock.now) as scheduler.beat:
        tell(f"daemon {app.worker_id} started; SIGTERM or Ctrl-C ends it")
        with streaming(app):
            scheduler.serve(first_run(app, crew.ingest))
    tell("stopped")
    return ExitCode.OK


def _known(app: App, tickers: list[str] | None) -> list[str] | None:
    """The symbols named. Raises UnknownSymbol for one that is not in the registry."""
    for ticker in tickers or ():
        app.registry.require(ticker)
    return tickers


def _show(ran: list[Ran], *, json: bool) -> int:
    failed = [one for one in ran if one.error]
    if json:
        print_json(
            [{"symbol": one.symbol, "records": one.records, "error": one.error, "notes": one.notes} for one in ran]
        )
    else:
        for one in failed:
            say(f"{one.symbol}: {one.error}")
        rows = sum(one.records for one in ran)
        say(f"{len(ran) - len(failed)} symbols completed, {len(failed)} failed, {rows:,} rows")
    return ExitCode.PARTIAL if failed else ExitCode.OK


def _tell_if_none(app: App, due: Sequence[object]) -> None:
    if due:
        return
    if app.registry.list(limit=1):
        tell("note: no symbol is due; `forebay registry list` shows why")
    else:
        tell("note: the registry is empty; `forebay registry add AAPL` keeps a symbol")


def _forecast(app: App, tickers: list[str] | None, *, json: bool) -> int:
    """What would be run, and what a backfill would fetch by what is known without asking."""
    from forebay.app.ingest import forecast

    now = app.clock.now()
    named = _known(app, tickers)
    entries = [
        entry
        for entry in app.registry.list(enabled_only=True)
        if (named is None or entry.symbol in named) and (entry.retry_at is None or entry.retry_at <= now)
    ]
    _tell_if_none(app, entries)
    plan = forecast(app, entries)
    for note in plan.notes:
        tell(f"note: {note}")
    if json:
        print_json(
            {
                "symbols": {entry.symbol: list(entry.strategy.phases) for entry in entries},
                "tasks": sum(line.tasks for line in plan.lines),
                "calls": plan.calls,
                "bytes": plan.bytes,
            }
        )
        return ExitCode.OK
    rows = [(entry.symbol, entry.strategy.value, ", ".join(entry.strategy.phases)) for entry in entries]
    print_table(("symbol", "strategy", "phases"), rows)
    for line in plan.lines:
        say(f"{line.table} from {line.source}: {line.tasks:,} tasks, {line.days:,} days, {line.calls:,} calls")
    return ExitCode.OK
