"""`forebay lake compact` and `forebay lake vacuum`: few large files, and none that nobody needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Datasets, End, Json, Start, load_settings
from forebay.cli.output import ExitCode, print_json, say, tell
from forebay.errors import UsageError
from forebay.feeds_file import dataset_named
from forebay.model.task import TaskKind

if TYPE_CHECKING:
    from datetime import date

    from forebay.app import App
    from forebay.lake.compaction.compaction import Compacted
    from forebay.lake.compaction.plan import Work
    from forebay.orchestration.wanted import Wish

Dry = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]
GraceDays = Annotated[
    int | None,
    typer.Option(
        "--grace-days",
        min=0,
        max=36_500,
        metavar="N",
        help="Days that a replaced file stays; LAKE_GRACE_DAYS without it.",
    ),
]


def compact(
    ctx: typer.Context,
    datasets: Datasets = None,
    start: Start = None,
    end: End = None,
    span: Annotated[
        str | None,
        typer.Option(
            "--span", metavar="SPAN", help="day, week, month or year: kept with the tables, and used from now."
        ),
    ] = None,
    *,
    now: Annotated[bool, typer.Option("--now/--closed", help="Spans that are not over, too.")] = False,
    dry: Dry = False,
    json: Json = False,
) -> int:
    """Put the files of each span together, sorted by ticker; then remove what is past its grace.

    A span is a month of minute bars and ticks and a year of day bars, unless --span chose another. Rows are proved to
    be the same before the new files take the place of the old, in one commit. Exit code 3 when others wrote to a span
    at the same time: run it again.

    Example: forebay lake compact --datasets stocks/bars_1m --start 2024-01-01
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    with open_app(settings) as app:
        app.recover()
        tables = _tables(app, datasets)
        if span and not dry:
            _choose(app, tables, span)
        works = _due(app, tables, start, end, every=now)
        done = [] if dry else _run(app, works)
        if not dry:
            for table in tables:
                app.vacuum().run(table, app.clock.now())
    if json:
        print_json({"planned": [_planned(work) for work in works], "done": [_done(one) for one in done if one]})
    else:
        _tell(works, done, dry=dry)
    return ExitCode.PARTIAL if None in done else ExitCode.OK


def vacuum(
    ctx: typer.Context, datasets: Datasets = None, grace: GraceDays = None, *, dry: Dry = False, json: Json = False
) -> int:
    """Remove files that no version of the last days needs: replaced ones, and those of writers that died.

    Earlier versions cannot be read any more afterwards (`--as-of`). The newest version is never touched.

    Example: forebay lake vacuum --grace-days 2 --dry-run
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    with open_app(settings) as app:
        worker, moment = app.vacuum(None if grace is None else timedelta(days=grace)), app.clock.now()
        found = {table: (worker.look if dry else worker.run)(table, moment) for table in _tables(app, datasets)}
    gone = [(f"{table}/{waste.path}", waste.size) for table, wastes in found.items() for waste in wastes]
    if json:
        print_json({"files": [path for path, _ in gone], "bytes": sum(size for _, size in gone), "dry_run": dry})
    else:
        verb = "would go" if dry else "removed"
        say(f"{len(gone):,} files {verb}, {_mb(sum(size for _, size in gone))}")
    return ExitCode.OK


def compact_closed(app: App, wishes: Iterable[Wish]) -> None:
    """After a sync: spans that are over and in many files, of the tables that were wished for; then a vacuum."""
    from forebay.orchestration.compacting import Compacting
    from forebay.orchestration.wanted import lake_tables

    wanted = lake_tables(wishes)
    held = app.lake.tables() if wanted else []
    tables = sorted(wanted.intersection(held))
    if drafts := Compacting(app.ledger, app.compaction()).queue(tables, app.clock.now()):
        tell(f"compacting {len(drafts):,} spans of session dates that are over (--no-compact leaves them for later)")
        app.worker(kinds=[TaskKind.COMPACT], offline=True).drain()
        for table in sorted({draft.partition.table for draft in drafts}):
            app.vacuum().run(table, app.clock.now())


def _tables(app: App, datasets: Sequence[str] | None) -> list[str]:
    """The lake's tables, or those that are named. Raises LakeError where there is none of them."""
    from forebay.lake.reading.tables import Tables

    return Tables(app.tables.home).demand(*(dataset_named(name).table for name in datasets or ()))


def _choose(app: App, tables: Sequence[str], wanted: str) -> None:
    from forebay.lake.compaction.spans import Span, choose_span, chosen_span, spans_of

    for table in tables:
        if wanted not in spans_of(table):
            raise UsageError(f"{table} has no span {wanted!r}", remedy=f"choose one of {', '.join(spans_of(table))}")
    for table in tables:
        home = app.tables.home.table(table)
        if chosen_span(home, table) != wanted:
            choose_span(home, Span(wanted))


def _due(app: App, tables: Sequence[str], start: date | None, end: date | None, *, every: bool) -> list[Work]:
    from forebay.orchestration.compacting import closed, inside

    works = [work for table in tables for work in inside(app.compaction().plan(table), start, end)]
    return works if every else list(closed(works, app.clock.now()))


def _run(app: App, works: Sequence[Work]) -> list[Compacted | None]:
    from forebay.telemetry.progress import open_board

    with open_board() as board:
        rows = [board.row(str(work), work.rows, "rows") for work in works]
        return [app.compaction().run(work, row.advance) for work, row in zip(works, rows, strict=True)]


def _planned(work: Work) -> dict[str, Any]:
    dates = {"start": work.dates.start.isoformat(), "end": work.dates.end.isoformat()}
    sizes = {"files": len(work.files), "rows": work.rows, "bytes": sum(file.size for file in work.files)}
    return {"table": work.table, "source": work.source, **dates, **sizes}


def _done(one: Compacted) -> dict[str, Any]:
    after = {"files": one.files, "bytes": one.bytes, "version": one.version, "sums": one.sums}
    return {**_planned(one.work), "after": after}


def _tell(works: Sequence[Work], done: Sequence[Compacted | None], *, dry: bool) -> None:
    for work in works if dry else ():
        say(f"{work}: {len(work.files):,} files, {work.rows:,} rows")
    for one in done:
        if one:
            say(f"{one.work}: {len(one.work.files):,} files to {one.files:,}, {one.rows:,} rows, {_mb(one.bytes)}")
    for work in (work for work, one in zip(works, done, strict=False) if one is None):
        say(f"{work}: written to meanwhile; run it again")
    if not works:
        say("nothing to compact")


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
