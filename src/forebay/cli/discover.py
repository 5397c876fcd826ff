"""`forebay discover`: who is listed in a category, into the universe table and a universe file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Json, load_settings, parse_date
from forebay.cli.output import ExitCode, print_json, say
from forebay.model.universe import Category

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.symbols.discovery import Discovery

ALL = "all"
_NAMES = ", ".join(Category)

Limit = Annotated[int | None, typer.Option("--limit", metavar="N", help="So many tickers, in byte order.")]
AsOf = Annotated[
    date | None,
    typer.Option("--as-of", "--date", parser=parse_date, metavar="DATE", help="As the list was then; today if open."),
]
Delisted = Annotated[
    bool, typer.Option("--include-delisted", help="Those that have left, too; of options the expired ones.")
]
Exchange = Annotated[str, typer.Option("--exchange", metavar="MIC", help="Primary exchange, such as XNAS.")]
Types = Annotated[
    list[str] | None,
    typer.Option("--type", "--types", metavar="CODE...", help="The vendor's types, instead of the category's."),
]
Search = Annotated[str, typer.Option("--search", metavar="WORDS", help="In ticker or name.")]
Underlying = Annotated[
    list[str] | None, typer.Option("--underlying", "--underlyings", metavar="TICKER...", help="Of options.")
]
ExpiresFrom = Annotated[
    date | None,
    typer.Option("--expires-from", parser=parse_date, metavar="DATE", help="Options: first day of expiry, included."),
]
ExpiresTo = Annotated[
    date | None,
    typer.Option("--expires-to", parser=parse_date, metavar="DATE", help="Options: last day of expiry, included."),
]
Queued = Annotated[bool, typer.Option("--async", help="Leave it to the workers, and end.")]


def discover(
    ctx: typer.Context,
    category: Annotated[str, typer.Argument(metavar="CATEGORY", help=f"{_NAMES}; or {ALL}.")],
    limit: Limit = None,
    as_of: AsOf = None,
    exchange: Exchange = "",
    types: Types = None,
    search: Search = "",
    underlying: Underlying = None,
    expires_from: ExpiresFrom = None,
    expires_to: ExpiresTo = None,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="Write the universe file there.")] = "",
    *,
    include_delisted: Delisted = False,
    queued: Queued = False,
    json: Json = False,
) -> int:
    """Ask the vendor who is listed: into the universe table and a universe file, `universe/us_equities_20241201.json`.

    Categories: us_equities etf crypto fx options indices otc; `all` is every one of them. Options need an underlying
    (and may have an expiry window) or a limit, because there are hundreds of thousands of contracts.

    Example: forebay discover us_equities --limit 1000
    """
    flags = {
        "limit": limit,
        "as_of": as_of,
        "exchange": exchange,
        "type": tuple(types or ()),
        "search": search,
        "delisted": include_delisted,
        "underlying": tuple(underlying or ()),
        "expires_from": expires_from,
        "expires_to": expires_to,
        "out": out,
    }
    return _discover(ctx, category, flags, queued=queued, json=json)


def discover_all(
    ctx: typer.Context,
    limit: Limit = None,
    as_of: AsOf = None,
    underlying: Underlying = None,
    *,
    include_delisted: Delisted = False,
    queued: Queued = False,
    json: Json = False,
) -> int:
    """Discover every category; options only with --underlying. The same as `forebay discover all`.

    Example: forebay discover-all --limit 1000
    """
    flags = {"limit": limit, "as_of": as_of, "underlying": tuple(underlying or ()), "delisted": include_delisted}
    return _discover(ctx, ALL, flags, queued=queued, json=json)


def _discover(ctx: typer.Context, category: str, flags: dict[str, Any], *, queued: bool, json: bool) -> int:
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.discoveries import discoveries, found, judge

    with open_app(settings) as app:
        wanted = discoveries(category, flags, app.clock.now())
        if queued:
            return _queue(app, wanted, json=json)
        settings.vendor.require_api_key()
        tasks = app.identifying.queue(wanted)
        app.recover()
        ended = [found(task, app.ledger.coverage) for task in app.identify(tasks)]
    if len(ended) == 1 and not ended[0].well:
        raise ended[0].fault
    if json:
        print_json(ended if category == ALL else ended[0])
    else:
        for one in ended:
            say(str(one))
    return judge(ended)


def _queue(app: App, wanted: Sequence[Discovery], *, json: bool) -> int:
    """Leave it to the workers; Celery's are told. A Redis that is down is noticed before anything is queued."""
    from forebay.cli.order import broker_of, tell_workers

    broker = broker_of(app.settings) if app.settings.queue.url else None
    tasks = app.identifying.queue(wanted)
    if broker:
        tell_workers(app, broker)
    if json:
        print_json([{"task": task.id, "key": task.draft.key} for task in tasks])
    else:
        for task in tasks:
            say(f"queued: {task.draft.key} (task {task.id})")
    return ExitCode.OK
