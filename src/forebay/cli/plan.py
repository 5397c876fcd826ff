"""`forebay plan`: what is missing, where it would come from, and what that takes."""

from __future__ import annotations

import typer

from forebay.cli.options import Datasets, End, Into, Json, Source, Start, Tickers, Timeframes, load_settings
from forebay.cli.output import ExitCode, print_json
from forebay.cli.wishes import Asked, FeedsFile


def plan(
    ctx: typer.Context,
    feeds: FeedsFile = None,
    datasets: Datasets = None,
    tickers: Tickers = None,
    start: Start = None,
    end: End = None,
    source: Source = None,
    into: Into = None,
    timeframes: Timeframes = None,
    *,
    json: Json = False,
) -> int:
    """Show what is missing, where it would come from, and what that takes. Fetches no data.

    Example: forebay plan --datasets stocks/bars_1d --tickers AAPL,MSFT --start 2026-01-02
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.plan_view import plan_json, show_plan
    from forebay.cli.wishes import feeds_asked

    with open_app(settings) as app:
        asked = Asked(feeds, datasets, tickers, start, end, source, into, timeframes)
        prospect = app.outlook().look_ahead(feeds_asked(app, asked))
    if json:
        print_json(plan_json(prospect.plan))
    else:
        show_plan(prospect.plan, settings.vendor.rate_limit)
    return ExitCode.OK
