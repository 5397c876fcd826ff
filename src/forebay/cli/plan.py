"""`forebay plan`: what is missing, where it would come from, and what that takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forebay.cli.options import Datasets, End, Into, Json, Source, Start, Tickers, Timeframes, load_settings
from forebay.cli.output import ExitCode, print_json, tell
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
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the plan, for `forebay sync --plan FILE`.")
    ] = None,
    *,
    json: Json = False,
) -> int:
    """Show what is missing, where it would come from, and what that takes. Fetches no data.

    Calls are a range: bars come in pages, and how many traded is known only afterwards.

    Example: forebay plan --datasets stocks/bars_1d --tickers AAPL,MSFT --start 2026-01-02
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.plan_view import plan_json, show_plan
    from forebay.cli.wishes import feeds_asked
    from forebay.orchestration.plan_file import Basis, write_plan
    from forebay.orchestration.wanted import lake_tables

    with open_app(settings) as app:
        asked = Asked(feeds, datasets, tickers, start, end, source, into, timeframes)
        wanted = feeds_asked(app, asked)
        prospect = app.outlook().look_ahead(wanted)
        app.confirm_lake(lake_tables(prospect.wishes))
        if out:
            named = wanted if asked.by_flags else []
            basis = Basis(prospect.plan.made_at, app.account, app.ledger.database.name, prospect.wishes, tuple(named))
            tell(f"{write_plan(out, basis, prospect.plan.each()):,} tasks written to {out}")
    if json:
        print_json(plan_json(prospect.plan, asked.sizes))
    else:
        show_plan(prospect.plan, settings.vendor.rate_limit, asked.sizes)
    return ExitCode.OK
