"""`forebay lake verify`: every session of the lake, with a score, the reasons, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Datasets, End, Json, Start, Tickers, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say, tell
from forebay.errors import UsageError
from forebay.feeds_file import dataset_named
from forebay.model.catalogue import LAKE_DATASETS, Dataset

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.lake.verification.scores import Reason
    from forebay.model.task import Task
    from forebay.orchestration.verify import Scope, SessionScore, Verifier

_SESSIONS_SHOWN = 60
"""Sessions with something wrong that a person is shown; --json has all."""
_STRANGERS_SHOWN = 20
"""Files of a table that are named as no part of it."""


def verify(
    ctx: typer.Context,
    datasets: Datasets = None,
    start: Start = None,
    end: End = None,
    tickers: Tickers = None,
    *,
    grouped: Annotated[
        bool, typer.Option("--grouped", help="Ask REST for grouped daily bars too: one call a session.")
    ] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Read every value, and all trades that are held.")] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Take damaged files out, and load what is damaged or lost again.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Which tickers are sampled for the trades.")] = 0,
    json: Json = False,
) -> int:
    """Score every session of the lake, 0 to 100, with reasons and the command that mends each.

    Exit code 0 when nothing is wrong, 3 otherwise. Without --mend nothing is changed, and without --grouped nobody is
    asked.

    Example: forebay lake verify --datasets stocks/bars_1d,stocks/bars_1m --start 2025-01-02 --end 2025-01-31
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.quality import verifier
    from forebay.cli.quarantine import tell_strays
    from forebay.cli.wishes import known_feeds

    if start and end and end < start:
        raise UsageError(f"--end {end} is before --start {start}", remedy="swap them")
    with open_app(settings) as wired:
        tell_strays(wired.quarantine)
        scope = _scope(wired, datasets, known_feeds(wired), (start, end, tickers, deep))
        scores = _scores(verifier(wired, grouped=grouped, seed=seed), scope)
        if mend:
            for task in _mend(wired, scope, scores):
                tell(f"{task.draft.key}: {task.state}: {task.error_message or task.hold or 'not begun'}")
            scores = _scores(verifier(wired, seed=seed), scope)
        _tell_strangers(wired, scope)
    if not scores:
        tell("note: nothing was verified: the lake holds no such sessions, and no feed wants them")
    if json:
        print_json([_as_json(each) for each in scores])
    else:
        _show(scores)
    return ExitCode.OK if all(each.good for each in scores) else ExitCode.PARTIAL


def _scores(verifier: Verifier, scope: Scope) -> list[SessionScore]:
    from forebay.telemetry.progress import open_board

    with open_board() as board:
        return list(verifier.run(scope, board))


def _scope(app: App, names: Sequence[str] | None, feeds: Any, asked: tuple[Any, ...]) -> Scope:
    from forebay.app.quality import wanted_days
    from forebay.orchestration.verify import Scope, in_order

    start, end, tickers, deep = asked
    datasets: Sequence[Dataset] = [dataset_named(name) for name in names] if names else list(LAKE_DATASETS.values())
    wanted = wanted_days(app, feeds)
    return Scope(in_order(datasets), start, end, tuple(tickers or ()), deep, wanted)


def _mend(app: App, scope: Scope, scores: Sequence[SessionScore]) -> list[Task]:
    """Put right what can be loaded again; the tasks that failed."""
    from forebay.app.quality import carry_out, mending
    from forebay.lake.verification.scores import Check

    app.recover()
    room, drafts = mending(app), []
    for dataset in scope.datasets:
        of_table = [each for each in scores if each.table == dataset.table]
        days = room.set_aside(dataset, _days_with(of_table, Check.DAMAGED, Check.DISORDER, Check.BAD_ROWS))
        drafts += room.drafts(dataset, sorted(days | _days_with(of_table, Check.LOST_ROWS)))
    return carry_out(app, drafts)


def _tell_strangers(app: App, scope: Scope) -> None:
    """Files that are no part of the tables, on stderr: no session has them, and nobody reads them."""
    from forebay.lake.verification.strangers import strangers

    for dataset in scope.datasets:
        found = strangers(app.lake.home, dataset.table)
        for path in found[:_STRANGERS_SHOWN]:
            tell(f"note: {dataset.table}/{path} is no part of the table: it is left alone and not read; move it away")
        if len(found) > _STRANGERS_SHOWN:
            tell(f"note: and {len(found) - _STRANGERS_SHOWN:,} more such files in {dataset.table}")


def _days_with(scores: Sequence[SessionScore], *checks: str) -> set[date]:
    return {each.day for each in scores if any(reason.check in checks for reason in each.reasons)}


def _show(scores: Sequence[SessionScore]) -> None:
    """A line for each session that something is said of, its reasons below, and the commands once each."""
    worse = [each for each in scores if each.reasons or each.notes]
    if worse:
        print_table(
            ("date", "table", "rows", "score"),
            [(each.day, each.table, each.rows, each.score) for each in worse[:_SESSIONS_SHOWN]],
        )
    for each in worse[:_SESSIONS_SHOWN]:
        say()
        say(f"{each.day} {each.table}: {each.score}")
        for reason in each.reasons:
            _show_reason(reason)
        for note in each.notes:
            say(f"  {note}")
    if len(worse) > _SESSIONS_SHOWN:
        say(f"... and {len(worse) - _SESSIONS_SHOWN:,} more sessions: --json lists them")
    bad = sum(not each.good for each in scores)
    say(f"{len(scores):,} sessions verified, {bad:,} with something wrong")


def _show_reason(reason: Reason) -> None:
    known = f"known: {reason.known}: " if reason.known else ""
    cost = "tolerated" if reason.tolerated else f"-{reason.cost}"
    say(f"  {reason.check} ({cost}): {known}{reason.text}")
    if reason.remedy and not reason.tolerated:
        say(f"    next: {reason.remedy}")


def _as_json(each: SessionScore) -> dict[str, Any]:
    reasons = [{**asdict(reason), "cost": reason.cost} for reason in each.reasons]
    return {
        "table": each.table,
        "date": each.day,
        "rows": each.rows,
        "score": each.score,
        "reasons": reasons,
        "notes": each.notes,
    }
