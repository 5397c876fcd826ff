"""Work done while the user waits: a plan worked off behind progress bars, then compared and summarised."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from forebay.cli.output import ExitCode, print_json, tell
from forebay.cli.signals import handling
from forebay.model.feed import LAKE

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.plan import Plan
    from forebay.orchestration.status import Status
    from forebay.orchestration.sync import Prospect
    from forebay.orchestration.wanted import Wish
    from forebay.orchestration.worker import Worker
    from forebay.telemetry.board import Board, Row


def work_off(app: App, prospect: Prospect, *, interactive: bool = False) -> Status:
    """Run a plan to its end, compare day bars with minutes, and look at what is held then.

    The first Ctrl-C or SIGTERM drains. Raises what stops every task; all that was done stays done.
    """
    _run(app, prospect.plan, app.worker(interactive=interactive))
    _reconcile(app, prospect.wishes)
    return app.status(prospect.wishes)


def show(status: Status, notes: Sequence[str], *, json: bool) -> int:
    """What a run came to, on stdout, and its exit code."""
    from forebay.cli.status_view import show_summary, status_json

    if json:
        print_json(status_json(status))
    else:
        show_summary(status)
    return ExitCode.OK if status.all_held and not notes else ExitCode.PARTIAL


def _run(app: App, plan: Plan, worker: Worker) -> None:
    """Behind one progress bar for each table and source."""
    from forebay.model.task import Lease, Outcome, TaskState
    from forebay.orchestration.sync import carry_out
    from forebay.telemetry.progress import open_board

    with open_board() as board:
        rows = _rows(board, plan)

        def ended(lease: Lease, _: Outcome, state: TaskState) -> None:
            draft = lease.task.draft
            row = rows.get(_title(draft.partition.table, draft.destination, draft.source))
            if row and not state.claimable:
                row.advance(1, str(draft.partition))

        worker.on_end = ended
        with handling(lambda *_: worker.stop(), [signal.SIGTERM]):
            carry_out(plan, app.ledger, worker, tell)


def _rows(board: Board, plan: Plan) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for line in plan.lines:
        title = _title(line.table, line.destination, line.source)
        if title in rows:
            rows[title].grow(line.tasks)
        else:
            rows[title] = board.row(title, line.tasks, "tasks")
    return rows


def _title(table: str, destination: str, source: str) -> str:
    """What a progress bar is called."""
    return f"{table} from {source}" + ("" if destination == LAKE else f" into the {destination}")


def _reconcile(app: App, wishes: Sequence[Wish]) -> None:
    """Where both are new, behind a progress bar."""
    from forebay.telemetry.progress import open_board

    reconciler = app.reconciler()
    if due := reconciler.due(wishes):
        with open_board() as board:
            row = board.row("stocks: day bars against minutes", len(due), "sessions")
            for days, minutes in due:
                reconciler.compare(days, minutes)
                row.advance(1, str(minutes.partition.day))
