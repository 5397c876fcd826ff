"""`forebay ledger`: the database behind it all."""

from __future__ import annotations

from typing import Annotated

import typer

from forebay.cli.options import load_settings
from forebay.cli.output import ExitCode, say

app = typer.Typer(help="Move the ledger to another database.")


@app.callback()
def _ledger() -> None:
    """Move the ledger to another database."""


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
