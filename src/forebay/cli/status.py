"""`forebay status`: what is held, what is missing, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json
from forebay.cli.wishes import Asked, FeedsFile
from forebay.errors import UsageError


def status(
    ctx: typer.Context,
    ticker: Annotated[str | None, typer.Argument(metavar="[TICKER]", help="Only this ticker.")] = None,
    feeds: FeedsFile = None,
    interval: Annotated[
        str | None,
        typer.Option("--interval", metavar="SIZE", help="Of the ticker: 1m, 5m, 15m, 1h or 1d."),
    ] = None,
    *,
    json: Json = False,
) -> int:
    """Show what is held, what is missing, and why. Asks no vendor.

    It asks the ledger, the lake for its tables, and with --interval for its bars. Exit code 1 when the ledger has rows
    of a table that is not in the lake.

    Example: forebay status AAPL --interval 1d
    """
    if interval is not None:
        return _status_of_bars(ctx, ticker, interval, feeds, json=json)
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.quarantine import tell_strays
    from forebay.cli.status_view import show_status, status_json
    from forebay.cli.wishes import feeds_asked
    from forebay.orchestration.wanted import lake_tables

    with open_app(settings) as app:
        wishes = app.known_wishes(feeds_asked(app, Asked(feeds)), ticker)
        app.confirm_lake(lake_tables(wishes))
        found = app.status(wishes)
        tell_strays(app.quarantine)
    if json:
        print_json(status_json(found))
    else:
        show_status(found)
    return ExitCode.OK


def _status_of_bars(ctx: typer.Context, ticker: str | None, interval: str, feeds: Path | None, *, json: bool) -> int:
    """One ticker in one timeframe."""
    if ticker is None:
        raise UsageError("--interval is about one ticker", remedy=f"`forebay status AAPL --interval {interval}`")
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.holding import holding, holding_json, show_holding
    from forebay.cli.wishes import known_feeds

    with open_app(settings) as app:
        held = holding(app, known_feeds(app, feeds), ticker, interval)
    if json:
        print_json(holding_json(held))
    else:
        show_holding(held)
    return ExitCode.OK
