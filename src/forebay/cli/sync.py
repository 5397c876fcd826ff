"""`forebay sync`: the main job."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from forebay.cli.options import Datasets, End, Into, Json, Source, Start, Tickers, Timeframes, load_settings
from forebay.cli.output import ExitCode, print_json, tell
from forebay.cli.wishes import Asked, FeedsFile
from forebay.model.feed import ARCHIVE, LAKE

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.plan import Plan
    from forebay.orchestration.wanted import Wish


def sync(
    ctx: typer.Context,
    feeds: FeedsFile = None,
    datasets: Datasets = None,
    tickers: Tickers = None,
    start: Start = None,
    end: End = None,
    source: Source = None,
    into: Into = None,
    timeframes: Timeframes = None,
    *,
    json: Json = False,
) -> int:
    """Fetch, check and store everything that is missing, then prove what is held.

    Exit code 0 when all that the vendor has published is held, 3 when something is missing or failed its checks.

    Example: forebay sync --datasets stocks/bars_1d,stocks/bars_1m --tickers AAPL,MSFT --start 2026-01-02
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.status_view import show_summary, status_json
    from forebay.cli.wishes import feeds_asked, remember

    with open_app(settings) as app:
        asked = Asked(feeds, datasets, tickers, start, end, source, into, timeframes)
        app.recover()
        wanted = feeds_asked(app, asked)
        if any(ARCHIVE in feed.destinations for feed in wanted):
            app.settle_archive()
        prospect = app.outlook().look_ahead(wanted)
        remember(app, asked, wanted)
        for note in prospect.plan.notes:
            tell(f"note: {note}")
        _run(app, prospect.plan)
        _reconcile(app, prospect.wishes)
        status = app.status(prospect.wishes)
    if json:
        print_json(status_json(status))
    else:
        show_summary(status)
    return ExitCode.OK if status.all_held and not prospect.plan.notes else ExitCode.PARTIAL


def _run(app: App, plan: Plan) -> None:
    """Work the plan off behind progress bars, one for each table and source; the first Ctrl-C or SIGTERM drains."""
    from forebay.model.task import Lease, Outcome, TaskState
    from forebay.orchestration.sync import carry_out
    from forebay.telemetry.board import Row
    from forebay.telemetry.progress import open_board

    worker = app.worker()
    with open_board() as board:
        rows: dict[str, Row] = {}
        for line in plan.lines:
            title, total = _title(line.table, line.destination, line.source), line.tasks
            if title in rows:
                rows[title].grow(total)
            else:
                rows[title] = board.row(title, total, "tasks")

        def ended(lease: Lease, _: Outcome, state: TaskState) -> None:
            draft = lease.task.draft
            row = rows.get(_title(draft.partition.table, draft.destination, draft.source))
            if row and not state.claimable:
                row.advance(1, str(draft.partition))

        worker.on_end = ended
        previous = signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        try:
            carry_out(plan, app.ledger, worker)
        finally:
            signal.signal(signal.SIGTERM, previous)


def _title(table: str, destination: str, source: str) -> str:
    """What a progress bar is called."""
    return f"{table} from {source}" + ("" if destination == LAKE else f" into the {destination}")


def _reconcile(app: App, wishes: Sequence[Wish]) -> None:
    """Compare day bars with minute bars where both are new, behind a progress bar."""
    from forebay.telemetry.progress import open_board

    reconciler = app.reconciler()
    if due := reconciler.due(wishes):
        with open_board() as board:
            row = board.row("stocks: day bars against minutes", len(due), "sessions")
            for days, minutes in due:
                reconciler.compare(days, minutes)
                row.advance(1, str(minutes.partition.day))
