"""`forebay quarantine`: what failed a check: looked at, tried again, dismissed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Datasets, End, Json, Start, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say, tell
from forebay.cli.rows_out import Form, Format
from forebay.errors import UsageError
from forebay.feeds_file import dataset_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from forebay.lake.intake.note import Quarantined
    from forebay.lake.intake.quarantine import Quarantine
    from forebay.orchestration.replay import Replayed

Id = Annotated[str, typer.Argument(metavar="ID", help="As `forebay quarantine list` names it.")]
Ended = Annotated[bool, typer.Option("--ended", help="Those that were replayed or dismissed, too.")]

app = typer.Typer(help="Look at what failed a check, try it again, or dismiss it.")


@app.callback()
def _quarantine() -> None:
    """Look at what failed a check, try it again, or dismiss it. Nothing here is ever deleted."""


@app.command("list")
def list_kept(
    ctx: typer.Context,
    datasets: Datasets = None,
    start: Start = None,
    end: End = None,
    *,
    ended: Ended = False,
    json: Json = False,
) -> int:
    """List what is in quarantine, by table and day, each with its reason.

    Example: forebay quarantine list --datasets stocks/bars_1m --start 2025-01-01
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    with open_app(settings) as wired:
        tell_strays(wired.quarantine)
        found = _asked(wired.quarantine, datasets, (start, end), ended=ended)
    if json:
        print_json([_as_json(note) for note in found])
    elif found:
        heads = ("id", "table", "date", "symbol", "rows", "state", "reason")
        print_table(heads, [(*_head(note), note.ended or "open", note.reason) for note in found])
    else:
        say("nothing is in quarantine")
    return ExitCode.OK


@app.command("show")
def show(
    ctx: typer.Context,
    identity: Id,
    rows: Annotated[int, typer.Option("--rows", min=0, help="How many of its rows are printed; 0: all.")] = 20,
    form: Format = Form.TABLE,
    *,
    json: Json = False,
) -> int:
    """Print one: why it is kept, and its rows, each with the check that it failed.

    Example: forebay quarantine show 1f0c2a9b --rows 100 --format csv
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.rows_out import show_frame

    with open_app(settings) as wired:
        note = _found(wired.quarantine, identity)
        kept = wired.quarantine.rows(note) if note.rows_path and not json else None
    if json:
        print_json(_as_json(note))
        return ExitCode.OK
    if form is Form.TABLE:
        for name, value in _as_json(note).items():
            say(f"{name}: {value}")
    if kept is not None:
        show_frame(kept.head(rows) if rows else kept, form)
    return ExitCode.OK


@app.command("replay")
def replay(
    ctx: typer.Context,
    identities: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Which; or --all.")] = None,
    datasets: Datasets = None,
    start: Start = None,
    end: End = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Everything that is open (and in --datasets, dates).")
    ] = False,
    json: Json = False,
) -> int:
    """Try it again: the file is loaded anew from the archive or the vendor, or its rows are held to today's checks.

    What is good now goes into the lake, what fails stays with its reason. Exit code 3 when something stays.

    Example: forebay quarantine replay 1f0c2a9b
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.quality import replaying

    if bool(identities) == everything:
        raise UsageError("name what to replay, or say --all", remedy="`forebay quarantine list` names them")
    with open_app(settings) as wired:
        wired.recover()
        tell_strays(wired.quarantine)
        notes = [_found(wired.quarantine, each) for each in identities or ()]
        notes = notes or _asked(wired.quarantine, datasets, (start, end))
        room = replaying(wired, notes)
        done = [room.replay(note) if note.ended is None else _is_over(note) for note in notes]
    _show_replayed(done, json=json)
    return ExitCode.OK if all(each.done for each in done) else ExitCode.PARTIAL


@app.command("dismiss")
def dismiss(
    ctx: typer.Context,
    identities: Annotated[list[str], typer.Argument(metavar="ID...", help="Which.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is of no concern.")],
    *,
    json: Json = False,
) -> int:
    """Mark as of no concern: kept with its rows, no longer counted by `status`, no longer held against a session.

    Example: forebay quarantine dismiss 1f0c2a9b --reason "test symbols of the exchange"
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.lake.intake.note import End

    with open_app(settings) as wired:
        notes = [_found(wired.quarantine, each) for each in identities]
        for note in notes:
            wired.quarantine.end(note, End.DISMISSED, reason, wired.clock.now())
    if json:
        print_json({"dismissed": [note.id for note in notes]})
    else:
        say(f"{len(notes)} dismissed; `forebay quarantine list --ended` still shows them")
    return ExitCode.OK


def tell_strays(quarantine: Quarantine) -> None:
    """Name what lies among the notes and is none, on stderr: whatever is done goes on without it."""
    for error in quarantine.strays():
        tell(f"note: {error}; {error.remedy}")


def _asked(
    quarantine: Quarantine, names: Sequence[str] | None, span: tuple[date | None, date | None], *, ended: bool = False
) -> list[Quarantined]:
    from datetime import date

    from forebay.model.intervals import Interval

    dates = Interval(span[0] or date.min, span[1] or date.max)
    tables = {dataset_named(name).table for name in names} if names else None
    return [note for note in quarantine.list(dates=dates, ended=ended) if tables is None or note.table in tables]


def _found(quarantine: Quarantine, identity: str) -> Quarantined:
    note = quarantine.find(identity)
    if note is None:
        raise UsageError(f"nothing in quarantine is called {identity}", remedy="`forebay quarantine list` names them")
    return note


def _head(note: Quarantined) -> tuple[Any, ...]:
    days = f"{note.day}" if note.day == note.last_day else f"{note.day}..{note.last_day}"
    return note.id, note.table, days, note.symbol, note.rows


def _as_json(note: Quarantined) -> dict[str, Any]:
    return {name: value for name, value in asdict(note).items() if value is not None}


def _is_over(note: Quarantined) -> Replayed:
    from forebay.orchestration.replay import Replayed

    return Replayed(note, 0, 0, f"{note.ended} before: {note.ended_reason}")


def _show_replayed(done: Sequence[Replayed], *, json: bool) -> None:
    if json:
        print_json(
            [{**_as_json(each.note), "taken": each.taken, "left": each.left, "said": each.said} for each in done]
        )
        return
    for each in done:
        say(f"{each.note.id} {each.note.table} {each.note.day}: {'done' if each.done else 'stays'}: {each.said}")
    say(f"{sum(each.done for each in done)} of {len(done)} are done")
