"""`forebay universe`: look at universes, in files and in the universe table; compare them, put them together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say
from forebay.errors import UsageError
from forebay.model.universe import Category, Listing, Universe

if TYPE_CHECKING:
    from forebay.app import App

app = typer.Typer(help="List, show, compare and merge universes.")

Which = Annotated[str, typer.Argument(metavar="UNIVERSE", help="A universe file, or a category: what is known now.")]


@app.command("list")
def list_universes(ctx: typer.Context, *, json: Json = False) -> int:
    """List what is known of each category, and the universe files.

    Example: forebay universe list
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    with open_app(settings) as wired:
        categories = [_known(wired, category) for category in Category]
    folder = settings.folders.universe
    files = sorted(path.as_posix() for path in folder.glob("*.json"))
    if json:
        print_json({"categories": categories, "files": files})
        return ExitCode.OK
    print_table(("category", "listed", "left", "whole as of", "asked"), [tuple(row.values()) for row in categories])
    for file in files:
        say(file)
    return ExitCode.OK


def _known(wired: App, category: Category) -> dict[str, Any]:
    active, left = wired.universes.counts().get(category, (0, 0))
    refresh = wired.universes.refreshes().get(category)
    return {
        "category": category,
        "active": active,
        "delisted": left,
        "as_of": refresh and refresh.as_of,
        "refreshed_at": refresh and refresh.refreshed_at.replace(microsecond=0).isoformat(),
    }


@app.command("show")
def show(
    ctx: typer.Context,
    which: Which,
    tickers: Annotated[
        bool, typer.Option("--tickers", help="Only the tickers, one on each line: for other programs.")
    ] = False,
    *,
    json: Json = False,
) -> int:
    """Show the listings of a universe.

    Example: forebay universe show universe/us_equities_20241201.json
    """
    found = _universe(ctx, which)
    if json:
        from forebay.symbols.universe_file import universe_json

        print_json(universe_json(found))
    elif tickers:
        for ticker in dict.fromkeys(listing.ticker for listing in found.listings):
            say(ticker)
    else:
        part = "" if found.complete else ", a part"
        say(f"{found.category} as of {found.as_of}: {len(found.listings):,} listings{part}")
        print_table(("ticker", "name", "type", "exchange", "listed", "delisted"), map(_row, found.listings))
    return ExitCode.OK


def _row(listing: Listing) -> tuple[Any, ...]:
    return listing.ticker, listing.name, listing.type, listing.exchange, listing.listed, listing.delisted


@app.command("diff")
def diff(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="A universe file, or a category.")],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="The same; without it what is known now of OLD's category.")
    ] = "",
    *,
    json: Json = False,
) -> int:
    """Show who joined, who left and who was renamed (the FIGI stayed) between two universes.

    Example: forebay universe diff universe/us_equities_20241101.json universe/us_equities_20241201.json
    """
    from forebay.symbols.compare import compare

    before = _universe(ctx, old)
    found = compare(before, _universe(ctx, new or before.category))
    if json:
        print_json(found)
        return ExitCode.OK
    say(f"{len(found.joined):,} joined, {len(found.left):,} left, {len(found.renamed):,} were renamed")
    lines = [
        *(f"+ {listing.ticker}  {listing.name}" for listing in found.joined),
        *(f"- {listing.ticker}  {listing.name}" for listing in found.left),
        *(f"> {earlier.ticker} is {later.ticker}  {later.name}" for earlier, later in found.renamed),
    ]
    for line in lines:
        say(line.rstrip())
    return ExitCode.OK


@app.command("merge")
def merge(
    ctx: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Universe files of one category, or globs.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write the union there.")],
    *,
    json: Json = False,
) -> int:
    """Put universe files of one category together; of a listing that several hold, the newest file's is taken.

    Example: forebay universe merge 'universe/us_equities_*.json' --out universe/us_equities_all.json
    """
    load_settings(ctx)
    from forebay.symbols.compare import merged
    from forebay.symbols.patterns import files_of
    from forebay.symbols.universe_file import read_universe, write_universe

    paths = dict.fromkeys(path for pattern in files for path in files_of(pattern))
    union = merged([read_universe(path) for path in paths])
    write_universe(out, union)
    if json:
        print_json({"file": out, "files": len(paths), "count": len(union.listings)})
    else:
        say(f"{len(union.listings):,} listings of {len(paths):,} files, in {out}")
    return ExitCode.OK


def _universe(ctx: typer.Context, which: str) -> Universe:
    """A file's universe, or what the table knows of a category. Raises UsageError."""
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.symbols.universe_file import read_universe

    if which not in _names():
        return read_universe(Path(which))
    category = Category(which)
    with open_app(settings) as wired:
        listings = wired.universes.listings(category, active=True)
        refresh = wired.universes.refreshes().get(category)
        as_of = refresh.as_of if refresh else wired.clock.now().date()
    if not listings:
        raise UsageError(f"nobody is known of {category}", remedy=f"run `forebay discover {category}`")
    return Universe(category, as_of, listings, complete=refresh is not None)


def _names() -> Sequence[str]:
    return [category.value for category in Category]
