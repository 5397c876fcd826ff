"""`forebay sync`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import Datasets, End, Into, Json, Source, Start, Tickers, Timeframes, load_settings
from forebay.cli.output import ExitCode, tell
from forebay.cli.wishes import Asked, FeedsFile, feeds_asked, remember
from forebay.errors import UsageError
from forebay.model.feed import ARCHIVE

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.sync import Prospect


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
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="Do what `forebay plan --out FILE` wrote, or refuse.")
    ] = None,
    *,
    actions: Annotated[
        bool, typer.Option("--actions/--no-actions", help="Refresh splits and dividends too, once a day.")
    ] = True,
    compact: Annotated[
        bool, typer.Option("--compact/--no-compact", help="Put the lake's files of spans that are over together.")
    ] = True,
    json: Json = False,
) -> int:
    """Fetch, check and store everything that is missing, then prove what is held.

    Exit code 0 when all that the vendor has published is held, 3 when something is missing or failed its checks.

    With --plan exactly what the file says is done, or nothing where the world has changed since it was written.

    Example: forebay sync --datasets stocks/bars_1d,stocks/bars_1m --tickers AAPL,MSFT --start 2026-01-02
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.actions import refresh_daily
    from forebay.cli.foreground import show
    from forebay.cli.lake_compact import compact_closed
    from forebay.cli.strangers import fetch
    from forebay.orchestration.wanted import lake_tables

    with open_app(settings) as app:
        asked = Asked(feeds, datasets, tickers, start, end, source, into, timeframes)
        app.recover()
        prospect = _planned(app, asked, plan) if plan else _asked(app, asked)
        app.confirm_lake(lake_tables(prospect.wishes))
        for note in prospect.plan.notes:
            tell(f"note: {note}")
        status, unknown = fetch(app, prospect)
        if actions:
            refresh_daily(app, prospect.wishes)
        if compact:
            compact_closed(app, prospect.wishes)
    code = show(status, prospect.plan.notes, json=json)
    return ExitCode.PARTIAL if unknown else code


def _asked(app: App, asked: Asked) -> Prospect:
    """The plan of what flags or forebay.toml ask for; what flags named is remembered."""
    wanted = feeds_asked(app, asked)
    if any(ARCHIVE in feed.destinations for feed in wanted):
        app.settle_archive()
    for note in app.refresh_universes(wanted):
        tell(f"note: {note}")
    prospect = app.outlook().look_ahead(wanted)
    remember(app, asked, wanted)
    return prospect


def _planned(app: App, asked: Asked, path: Path) -> Prospect:
    """The plan of a file. Raises UsageError when the world has changed since; nothing is queued then."""
    from forebay.orchestration.plan_check import confirm
    from forebay.orchestration.plan_reading import PlanFile
    from forebay.orchestration.sync import Prospect

    if asked.by_flags or asked.feeds_file:
        raise UsageError(
            "--plan says what to hold, and so do other flags",
            remedy="give --plan FILE alone, or make another plan with those flags: forebay plan --out FILE",
        )
    file = PlanFile.open(path)
    if any(wish.destination == ARCHIVE for wish in file.basis.wishes):
        app.settle_archive()
    plan = confirm(file, app.outlook(), app.account, app.ledger.database.name)
    for feed in file.basis.remember:
        app.ledger.feeds.remember(feed)
    return Prospect(file.basis.wishes, plan)
