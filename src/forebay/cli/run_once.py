"""`forebay run-once`: a few tickers' bars, now."""

from __future__ import annotations

from typing import Annotated

import typer

from forebay.cli.options import End, Into, Json, Source, Start, Timeframes, load_settings
from forebay.cli.wishes import Asked
from forebay.errors import UsageError

NAMES = Annotated[list[str], typer.Argument(metavar="TICKER...", help="Case-sensitive, as REST spells them.")]


def run_once(
    ctx: typer.Context,
    tickers: NAMES,
    timeframes: Timeframes = None,
    start: Start = None,
    end: End = None,
    source: Source = None,
    into: Into = None,
    *,
    json: Json = False,
) -> int:
    """Fetch the bars of a few tickers and wait for them.

    Exit code 3 when something is missing, or the vendor knows no such ticker.

    Example: forebay run-once AAPL --timeframes 1h,1d --start 2026-03-02
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.order import run_now

    names = [name.strip() for ticker in tickers for name in ticker.split(",") if name.strip()]
    if not names:
        raise UsageError("no ticker is named", remedy="`forebay run-once AAPL`, for example")
    with open_app(settings) as app:
        return run_now(app, Asked(None, None, names, start, end, source, into, timeframes), json=json, interactive=True)
