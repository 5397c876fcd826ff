"""`forebay status`: what is held, what is missing, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json
from forebay.cli.wishes import Asked, FeedsFile


def status(
    ctx: typer.Context,
    ticker: Annotated[str | None, typer.Argument(metavar="[TICKER]", help="Only this ticker.")] = None,
    feeds: FeedsFile = None,
    *,
    json: Json = False,
) -> int:
    """Show what is held, what is missing, and why. Asks the ledger only; no network.

    Example: forebay status AAPL
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.status_view import show_status, status_json
    from forebay.cli.wishes import feeds_asked

    with open_app(settings) as app:
        wishes = app.known_wishes(feeds_asked(app, Asked(feeds)), ticker)
        found = app.status(wishes)
    if json:
        print_json(status_json(found))
    else:
        show_status(found)
    return ExitCode.OK
