"""`forebay registry`: which symbols the service keeps, how, and how they fare."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say
from forebay.model.registry import IngestionStatus, IngestionStrategy, SymbolRegistry

if TYPE_CHECKING:
    from forebay.symbols.registry import Registry

app = typer.Typer(help="Add, list, change and delete the symbols that the service keeps.")

Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="Case-sensitive, as the vendor spells it.")]
Symbols = Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="Case-sensitive.")]
Strategy = Annotated[
    IngestionStrategy, typer.Option("--strategy", case_sensitive=False, help="How they are kept: docs/registry.md.")
]


@app.command("add")
def add(
    ctx: typer.Context,
    symbols: Symbols,
    strategy: Strategy = IngestionStrategy.FLATPACK,
    description: Annotated[str, typer.Option("--description", help="For people.")] = "",
    start: Annotated[
        str | None, typer.Option("--start", metavar="DATE", help="First day of history wanted (YYYY-MM-DD).")
    ] = None,
    timeframes: Annotated[
        list[str] | None, typer.Option("--timeframes", "--timeframe", metavar="SIZE...", help="Of 1m and 1d.")
    ] = None,
    asset_class: Annotated[
        str | None, typer.Option("--asset-class", metavar="CLASS", help="If the ticker's prefix does not say it.")
    ] = None,
    *,
    disabled: Annotated[bool, typer.Option("--disabled", help="Add them, but do not run them yet.")] = False,
) -> int:
    """Add symbols; those that are there already stay as they are.

    Example: forebay registry add AAPL --strategy flatpack_snapshot_stream --start 2024-01-02
    """
    known = {"start": start, "timeframes": timeframes or None, "asset_class": asset_class}
    metadata = {name: value for name, value in known.items() if value is not None}
    entries = [
        SymbolRegistry(symbol, strategy, enabled=not disabled, description=description, metadata=metadata)
        for symbol in dict.fromkeys(symbols)
    ]
    return _with_registry(ctx, lambda registry: _add(registry, entries))


def _add(registry: Registry, entries: list[SymbolRegistry]) -> None:
    if len(entries) == 1:
        registry.add(entries[0])
        say(f"added {entries[0].symbol}")
    else:
        added, known = registry.add_many(entries)
        say(f"{added:,} added, {known:,} known already")


@app.command("get")
def get(ctx: typer.Context, symbol: Symbol, *, json: Json = False) -> int:
    """Show all that is known of one symbol.

    Example: forebay registry get AAPL
    """
    return _with_registry(ctx, lambda registry: _show(registry.require(symbol), json=json))


def _show(entry: SymbolRegistry, *, json: bool) -> None:
    from forebay.symbols.registry_file import entry_json

    if json:
        print_json(entry_json(entry))
        return
    for name, value in entry_json(entry).items():
        shown = dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        say(f"{name}: {'-' if value in (None, '', {}) else shown}")


@app.command("list")
def list_symbols(
    ctx: typer.Context,
    strategy: Annotated[
        IngestionStrategy | None, typer.Option("--strategy", case_sensitive=False, help="Only those kept so.")
    ] = None,
    status: Annotated[
        IngestionStatus | None, typer.Option("--status", case_sensitive=False, help="Only those in this status.")
    ] = None,
    *,
    enabled: Annotated[bool, typer.Option("--enabled", help="Only those that are run.")] = False,
    json: Json = False,
) -> int:
    """List the symbols, each with its strategy, status and last error.

    Example: forebay registry list --status error
    """

    def show(registry: Registry) -> None:
        entries = registry.list(enabled_only=enabled, strategy=strategy, status=status)
        if json:
            from forebay.symbols.registry_file import entry_json

            print_json([entry_json(entry) for entry in entries])
        else:
            print_table(("symbol", "strategy", "status", "backfill", "snapshot", "retry", "error"), map(_row, entries))

    return _with_registry(ctx, show)


def _row(entry: SymbolRegistry) -> tuple[Any, ...]:
    times = (entry.last_backfill, entry.last_snapshot, entry.retry_at)
    shown = (at and f"{at:%Y-%m-%d %H:%M}" for at in times)
    return entry.symbol, entry.strategy, entry.status, *shown, entry.error_message


@app.command("status")
def set_status(
    ctx: typer.Context,
    symbol: Symbol,
    status: Annotated[IngestionStatus, typer.Argument(case_sensitive=False)],
    error: Annotated[str | None, typer.Option("--error", metavar="TEXT", help="Why, for the status error.")] = None,
) -> int:
    """Say by hand how a symbol fares; whoever is running it loses it. `idle` forgets what failed.

    Example: forebay registry status NVDA idle
    """
    return _change(ctx, lambda registry: registry.set_status(symbol, status, error))


@app.command("strategy")
def set_strategy(
    ctx: typer.Context, symbol: Symbol, strategy: Annotated[IngestionStrategy, typer.Argument(case_sensitive=False)]
) -> int:
    """Keep a symbol in another way, from its next run on.

    Example: forebay registry strategy AAPL flatpack_api
    """
    return _change(ctx, lambda registry: registry.set_strategy(symbol, strategy))


def _change(ctx: typer.Context, change: Callable[[Registry], SymbolRegistry]) -> int:
    return _with_registry(ctx, lambda registry: _say(change(registry)))


def _say(entry: SymbolRegistry) -> None:
    say(f"{entry.symbol}: {entry.strategy}, {entry.status}")


@app.command("enable")
def enable(ctx: typer.Context, symbols: Symbols) -> int:
    """Run symbols again.

    Example: forebay registry enable AAPL MSFT
    """
    return _with_registry(ctx, lambda registry: _switch(registry, symbols, enabled=True))


@app.command("disable")
def disable(ctx: typer.Context, symbols: Symbols) -> int:
    """Run symbols no longer; they stay in the registry, and their data in the lake.

    Example: forebay registry disable AAPL MSFT
    """
    return _with_registry(ctx, lambda registry: _switch(registry, symbols, enabled=False))


def _switch(registry: Registry, symbols: list[str], *, enabled: bool) -> None:
    for symbol in symbols:
        registry.require(symbol)
    for symbol in symbols:
        _say(registry.set_enabled(symbol, enabled=enabled))


@app.command("delete")
def delete(ctx: typer.Context, symbols: Symbols) -> int:
    """Forget symbols. Their data stay in the lake.

    Example: forebay registry delete TWTR
    """

    def forget(registry: Registry) -> None:
        for symbol in symbols:
            registry.require(symbol)
        for symbol in symbols:
            registry.delete(symbol)
            say(f"deleted {symbol}")

    return _with_registry(ctx, forget)


@app.command("import")
def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON or CSV; `symbol` is all it must have.")],
    strategy: Strategy = IngestionStrategy.FLATPACK,
) -> int:
    """Add the symbols of a file, all or none; those that are there already stay as they are.

    Example: forebay registry import symbols.csv --strategy flatpack
    """
    from forebay.symbols.registry_file import read_entries

    def add_all(registry: Registry) -> None:
        added, known = registry.add_many(read_entries(file, strategy))
        say(f"{added:,} added, {known:,} known already")

    return _with_registry(ctx, add_all)


@app.command("export")
def export_file(
    ctx: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="To write: .json or .csv.")]
) -> int:
    """Write the registry to a file that `registry import` reads.

    Example: forebay registry export registry.csv
    """
    from forebay.cli.rows_out import whole
    from forebay.symbols.registry_file import entries_text

    def write(registry: Registry) -> None:
        entries = registry.list()
        text = entries_text(file, entries)
        with whole(file) as part:
            part.write_text(text, encoding="utf-8")
        say(f"{len(entries):,} symbols in {file}")

    return _with_registry(ctx, write)


def _with_registry(ctx: typer.Context, act: Callable[[Registry], object]) -> int:
    settings = load_settings(ctx)
    from forebay.app import open_app

    with open_app(settings) as wired:
        act(wired.registry)
    return ExitCode.OK
