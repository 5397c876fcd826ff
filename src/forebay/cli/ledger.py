"""`forebay ledger`: the database behind it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, say

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.ledger_rebuild import Rebuilding

app = typer.Typer(help="Move the ledger to another database, or rebuild it from storage.")


@app.command("move")
def move_ledger(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="sqlite:///path or postgresql://...")],
    target: Annotated[str, typer.Argument(metavar="TO", help="A database without a ledger in it.")],
) -> int:
    """Copy every row of one ledger to another database, and count them there. The old one stays as it is.

    Example: forebay ledger move sqlite:///data/download_tracker.db postgresql://forebay@db/forebay
    """
    load_settings(ctx)
    from forebay.clock import SystemClock
    from forebay.ledger.move import move_between

    for table, count in move_between(source, target, SystemClock().now()).items():
        say(f"{table}: {count:,} rows")
    say("moved; set DATABASE_URL to the new address")
    return ExitCode.OK


@app.command("rebuild")
def rebuild_ledger(
    ctx: typer.Context,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read archived files without a receipt to their end.")] = False,
    json: Json = False,
) -> int:
    """Make coverage anew from the archive and the lake alone: no vendor is asked, an empty database will do.

    Tasks are not invented. Exit code 3 when a file cannot be counted on.

    Example: forebay ledger rebuild
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.archive_report import rebuilt_json, show_rebuilt
    from forebay.cli.quarantine import tell_strays
    from forebay.telemetry.progress import open_board

    with open_app(settings) as wired, open_board() as board:
        tell_strays(wired.quarantine)
        rebuilt = _rebuilding(wired, deep=deep).run(board)
    if json:
        print_json(rebuilt_json(rebuilt))
    else:
        show_rebuilt(rebuilt)
    return ExitCode.PARTIAL if rebuilt.told.findings else ExitCode.OK


def _rebuilding(wired: App, *, deep: bool) -> Rebuilding:
    from forebay.orchestration.archive.rebuild import ArchiveProof
    from forebay.orchestration.lake_rebuild import LakeProof
    from forebay.orchestration.ledger_rebuild import Rebuilding

    archive = ArchiveProof(wired.archive, wired.ledger, wired.clock, deep)
    return Rebuilding(wired.ledger, archive, LakeProof(wired.ledger, wired.lake_home, wired.quarantine))
