"""`forebay sync`: the main job."""

from __future__ import annotations

import typer

from forebay.cli.options import Datasets, End, Into, Json, Source, Start, Tickers, Timeframes, load_settings
from forebay.cli.output import tell
from forebay.cli.wishes import Asked, FeedsFile
from forebay.model.feed import ARCHIVE


def sync(
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
    """Fetch, check and store everything that is missing, then prove what is held.

    Exit code 0 when all that the vendor has published is held, 3 when something is missing or failed its checks.

    Example: forebay sync --datasets stocks/bars_1d,stocks/bars_1m --tickers AAPL,MSFT --start 2026-01-02
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.foreground import show, work_off
    from forebay.cli.wishes import feeds_asked, remember

    with open_app(settings) as app:
        asked = Asked(feeds, datasets, tickers, start, end, source, into, timeframes)
        app.recover()
        wanted = feeds_asked(app, asked)
        if any(ARCHIVE in feed.destinations for feed in wanted):
            app.settle_archive()
        for note in app.refresh_universes(wanted):
            tell(f"note: {note}")
        prospect = app.outlook().look_ahead(wanted)
        remember(app, asked, wanted)
        for note in prospect.plan.notes:
            tell(f"note: {note}")
        status = work_off(app, prospect)
    return show(status, prospect.plan.notes, json=json)
