"""`forebay discoverer`: flat files to tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Datasets, End, Into, Json, Start, load_settings
from forebay.cli.output import ExitCode, print_json, say, tell
from forebay.cli.wishes import FeedsFile, check_dates_named, destinations_named, known_feeds, settle_archive
from forebay.errors import UsageError
from forebay.feeds_file import check_bars_for_files, check_dates, dataset_named
from forebay.model.feed import ARCHIVE

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.model.catalogue import Dataset
    from forebay.orchestration.discoverer import Discovered, Mode

DEFAULT_DATASET = "us_options_opra/day_aggs_v1"

app = typer.Typer(help="Find files that are missing and queue them for workers.")

Dates = Annotated[list[str] | None, typer.Option("--dates", metavar="DATE,DATE...", help="Session dates (YYYY-MM-DD).")]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the flags of every mode say."""

    datasets: Sequence[Dataset]
    into: tuple[str, ...]


def _wanted(datasets: Sequence[str] | None, into: Sequence[str] | None) -> _Wanted:
    named = tuple(dict.fromkeys(dataset_named(name) for name in datasets or [DEFAULT_DATASET]))
    places = destinations_named(into or [ARCHIVE])
    check_bars_for_files(named, places)
    return _Wanted(named, places)


@app.command("historical")
def historical(
    ctx: typer.Context,
    datasets: Datasets = None,
    start: Start = None,
    end: End = None,
    into: Into = None,
    *,
    json: Json = False,
) -> int:
    """Queue every file that is missing, of all history or between two dates.

    Example: forebay discoverer historical --start-date 2024-01-01 --end-date 2024-03-31
    """
    wanted = _wanted(datasets, into)

    def mode(app: App) -> Mode:
        from forebay.orchestration.discoverer import historical

        check_dates(start, end, app.clock.now())
        return historical(wanted.datasets, start, end, wanted.into)

    return _discover(ctx, mode, json=json)


@app.command("daily")
def daily(
    ctx: typer.Context,
    datasets: Datasets = None,
    into: Into = None,
    feeds: FeedsFile = None,
    *,
    json: Json = False,
) -> int:
    """Queue the newest session's file, and every earlier one that is still missing or was published anew.

    Example: forebay discoverer daily --dataset us_options_opra/day_aggs_v1
    """
    wanted = _wanted(datasets, into)

    def mode(app: App) -> Mode:
        from forebay.orchestration.discoverer import daily

        return daily(wanted.datasets, known_feeds(app, feeds), wanted.into, app.clock.now())

    return _discover(ctx, mode, json=json)


@app.command("on-demand")
def on_demand(
    ctx: typer.Context, dates: Dates = None, datasets: Datasets = None, into: Into = None, *, json: Json = False
) -> int:
    """Queue the files of these dates; a date named again starts over what failed.

    Example: forebay discoverer on-demand --dates 2024-03-07,2024-03-08
    """
    wanted = _wanted(datasets, into)
    if not dates:
        raise UsageError("no date is named", remedy="add --dates 2024-03-07,2024-03-08")

    def mode(app: App) -> Mode:
        from forebay.orchestration.discoverer import on_demand

        return on_demand(wanted.datasets, check_dates_named(dates, app.clock.now()), wanted.into)

    return _discover(ctx, mode, json=json)


def _discover(ctx: typer.Context, make: Callable[[App], Mode], *, json: bool) -> int:
    settings = load_settings(ctx)
    from forebay.app import open_app

    with open_app(settings) as wired:
        mode = make(wired)
        wired.flatfiles  # noqa: B018 - without its keys nothing below makes sense
        settle_archive(wired)
        found, notes = wired.discoverer().discover(mode)
    if json:
        print_json({"discovered": [_json(one) for one in found], "notes": [*mode.notes, *notes]})
    else:
        for note in mode.notes:
            say(note)
        _show(found)
    for note in notes:
        tell(f"note: {note}")
    return ExitCode.PARTIAL if notes else ExitCode.OK


def _show(found: Sequence[Discovered]) -> None:
    for one in found:
        span = one.wish.span
        counts = {
            "held": one.held,
            "new tasks": one.added,
            "queued already": one.queued,
            "given up": one.given_up,
            "not listed": len(one.absent),
        }
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "nothing to do"
        where = f"{one.wish.dataset.name} into {one.wish.destination}, {span.start}..{span.end}"
        say(f"{where}: {len(one.wish.days):,} session dates: {told}")
        for finding in one.absent[-3:]:
            say(f"  {finding.verdict}: {finding.evidence.reason}")
    if any(one.given_up for one in found):
        say("next: `forebay tasks list --state permanent_failure` says why; `forebay tasks retry` starts them over")
    if any(one.added or one.queued for one in found):
        say("next: forebay worker --once")
    else:
        say("nothing to do")


def _json(one: Discovered) -> dict[str, Any]:
    return {
        "dataset": one.wish.dataset.name,
        "destination": one.wish.destination,
        "start": one.wish.span.start,
        "end": one.wish.span.end,
        "sessions": len(one.wish.days),
        "held": one.held,
        "added": one.added,
        "queued": one.queued,
        "given_up": one.given_up,
        "absent": [
            {"date": row.partition.day, "verdict": row.verdict, "reason": row.evidence.reason} for row in one.absent
        ],
    }
