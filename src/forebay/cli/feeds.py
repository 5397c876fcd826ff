"""`forebay feeds`: what is to be held, by forebay.toml and by what flags once named."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say
from forebay.cli.wishes import Asked, FeedsFile
from forebay.errors import UsageError
from forebay.feeds_file import nearest
from forebay.model.feed import Feed

app = typer.Typer(help="List feeds, and forget remembered ones.")


@app.command("list")
def list_feeds(ctx: typer.Context, feeds: FeedsFile = None, *, json: Json = False) -> int:
    """List the feeds of forebay.toml and those remembered of earlier flags.

    Example: forebay feeds list
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.wishes import feeds_asked

    with open_app(settings) as wired:
        found = feeds_asked(wired, Asked(feeds))
        remembered = {feed.name for feed in wired.ledger.feeds.list()}
    rows = [_feed_json(feed, feed.name in remembered) for feed in found]
    if json:
        print_json(rows)
    else:
        print_table(("feed", "tables", "symbols", "start", "end", "source", "from"), [_row(row) for row in rows])
    return ExitCode.OK


@app.command("forget")
def forget_feed(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="As `forebay feeds list` shows it.")]
) -> int:
    """Stop wanting what flags once named. What it brought stays in the lake.

    Example: forebay feeds forget "stocks/bars_1d AAPL,MSFT 2026-01-02.."
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    with open_app(settings) as wired:
        known = [feed.name for feed in wired.ledger.feeds.list()]
        if not wired.ledger.feeds.forget(name):
            remedy = nearest(name, known) if known else "no feed is remembered; those of forebay.toml are removed there"
            raise UsageError(f"no feed {name!r} is remembered", remedy=remedy)
    say(f"forgotten: {name}")
    return ExitCode.OK


def _feed_json(feed: Feed, remembered: bool) -> dict[str, Any]:
    return {
        "feed": feed.name,
        "tables": [dataset.table for dataset in feed.datasets],
        "symbols": feed.symbols,
        "universe": feed.category,
        "start": feed.start,
        "end": feed.end,
        "source": feed.source,
        "from": "flags" if remembered else "forebay.toml",
    }


def _row(feed: dict[str, Any]) -> tuple[Any, ...]:
    symbols = feed["universe"] or ("all" if feed["symbols"] is None else len(feed["symbols"]))
    return feed["feed"], ", ".join(feed["tables"]), symbols, feed["start"], feed["end"], feed["source"], feed["from"]
