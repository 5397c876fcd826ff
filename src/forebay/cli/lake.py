"""`forebay lake`: the tables themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.lake_compact import compact, vacuum
from forebay.cli.lake_defects import defects
from forebay.cli.lake_verify import verify
from forebay.cli.lake_view import coverage, gaps
from forebay.cli.options import Datasets, End, Json, Start, load_settings
from forebay.cli.output import ExitCode, print_json, say
from forebay.feeds_file import dataset_named
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.feed import LAKE
from forebay.model.task import Task, TaskDraft, TaskKind, TaskState

if TYPE_CHECKING:
    from forebay.ledger.tasks import Tasks

_MOST = 1_000_000
"""Tasks that are looked at for those that did not end well."""

app = typer.Typer(help="Load, compact, verify and list the tables of the lake.")
app.command("compact")(compact)
app.command("vacuum")(vacuum)
app.command("verify")(verify)
app.command("defects")(defects)
app.command("coverage")(coverage)
app.command("gaps")(gaps)


@app.callback()
def _lake() -> None:
    """Load, compact, verify and list the tables of the lake."""


@app.command("load")
def load(
    ctx: typer.Context,
    datasets: Datasets = None,
    start: Start = None,
    end: End = None,
    *,
    again: Annotated[bool, typer.Option("--again", help="Load files that the lake holds already, too.")] = False,
    json: Json = False,
) -> int:
    """Load what the archive holds and the lake does not. Asks no vendor; a lake that was deleted is built anew.

    Without --datasets everything that is archived is loaded, trades and quotes too.

    Example: forebay lake load --datasets stocks/bars_1d --start 2024-01-01
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    named = [dataset_named(name) for name in datasets or LAKE_DATASETS]
    with open_app(settings) as wired:
        wired.recover()
        wired.settle_archive()
        offline = wired.offline()
        offline.forget_lost(named, wired.lake.tables())
        drafts = offline.drafts(named, start, end, again=again)
        wired.ledger.tasks.add(drafts, again=True, planned_at=wired.clock.now())
        wired.worker(kinds=[TaskKind.LOAD], offline=True).drain()
        left = _not_completed(wired.ledger.tasks, drafts)
    if json:
        print_json({"loaded": len(drafts) - len(left), "failed": [task.draft.key for task in left]})
    else:
        say(f"{len(drafts) - len(left):,} files loaded from the archive, {len(left):,} not")
        for task in left:
            say(f"  {task.draft.key}: {task.state}: {task.error_message or task.hold or 'not begun'}")
    return ExitCode.PARTIAL if left else ExitCode.OK


def _not_completed(tasks: Tasks, drafts: Iterable[TaskDraft]) -> list[Task]:
    """The tasks of these drafts that have not ended well, whoever ran them."""
    from forebay.ledger.filter import TaskFilter

    keys = {draft.key for draft in drafts}
    states = [state for state in TaskState if state is not TaskState.COMPLETED]
    unfinished = tasks.find(TaskFilter(states=states, destination=LAKE, kind=TaskKind.LOAD), limit=_MOST)
    return [task for task in unfinished if task.draft.key in keys]
