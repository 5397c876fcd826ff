"""`forebay actions`: splits, dividends and changes of ticker, as the vendor lists them and as they count."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import Json, Tickers, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say, tell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forebay.app import App
    from forebay.orchestration.wanted import Wish

_NAMES_A_COMMAND, _NAMES_A_SYNC = 100, 10
"""Tickers whose names are asked for in one run, where calls are limited."""
_UNLIMITED = 5_000

app = typer.Typer(help="Splits, dividends and changes of ticker: what bars are adjusted by.")


@app.callback()
def _actions() -> None:
    """Splits, dividends and changes of ticker: what bars are adjusted by."""


@app.command("refresh")
def refresh(
    ctx: typer.Context,
    tickers: Tickers = None,
    full: Annotated[bool, typer.Option("--full", help="Read every row again, and believe what is gone.")] = False,
    *,
    json: Json = False,
) -> int:
    """Ask the vendor for the splits, dividends and names of what the lake holds; `forebay sync` does it once a day.

    Example: forebay actions refresh --tickers AAPL,NVDA
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.actions import actions_refresh

    with open_app(settings) as wired:
        at_most = _names(wired, _NAMES_A_COMMAND)
        found = actions_refresh(wired, at_most).run(tickers or (), full=full)
    if json:
        print_json(found)
    else:
        say(str(found))
    return ExitCode.OK


@app.command("list")
def list_actions(
    ctx: typer.Context,
    ticker: Annotated[str, typer.Argument(metavar="TICKER", help="Any that its company bore; case-sensitive.")],
    *,
    json: Json = False,
) -> int:
    """List a company's splits, dividends and tickers, with what is doubted of them and whether they count.

    Example: forebay actions list NVDA
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.actions_view import of_ticker, show_actions

    with open_app(settings) as wired:
        found = of_ticker(wired.lake, ticker)
    if json:
        print_json(found)
    else:
        show_actions(found)
    if not any(found.values()):
        tell(f"note: no actions of {ticker} are known; tickers are case-sensitive")
    return ExitCode.OK


@app.command("check")
def check(ctx: typer.Context, *, json: Json = False) -> int:
    """Show what is doubted, prices that moved as in a split nobody lists, and overrides that meet nothing.

    Exit code 3 when there is something: `actions.toml` in the lake's folder says what is right.

    Example: forebay actions check
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.orchestration.actions.check import find

    with open_app(settings) as wired:
        found = find(wired.lake)
    if json:
        print_json(found)
    else:
        heads = ("what", "kind", "ticker", "date", "why", "id")
        print_table(heads, [(one.what, one.kind, one.ticker, one.day, one.why, one.id) for one in found])
        say("nothing to look at" if not found else f"{len(found):,} to look at: say in actions.toml what is right")
    return ExitCode.PARTIAL if found else ExitCode.OK


@app.command("overrides")
def overrides(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Another than the lake's own, before it is put there.")
    ] = None,
    *,
    json: Json = False,
) -> int:
    """Check and print the overrides: `actions.toml` in the lake's folder or bucket.

    Example: forebay actions overrides
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.actions_view import overrides_in, show_overrides

    with open_app(settings) as wired:
        found = overrides_in(file, wired.lake)
    if json:
        print_json(found)
    else:
        show_overrides(found)
    return ExitCode.OK


def refresh_daily(wired: App, wishes: Iterable[Wish]) -> None:
    """After a sync of bars of stocks: what is new, at most once a day. What goes wrong is told, and fails nothing."""
    from forebay.app.actions import actions_memory, actions_refresh
    from forebay.errors import ForebayError

    adjustable = {"stocks/bars_1d", "stocks/bars_1m"}.intersection(wish.dataset.table for wish in wishes)
    try:
        if not (wired.has_rest and adjustable.intersection(wired.lake.tables())) or actions_memory(wired).asked_today():
            return
        tell(str(actions_refresh(wired, _names(wired, _NAMES_A_SYNC)).run()))
    except ForebayError as error:
        tell(f"note: splits and dividends were not refreshed: {error}. Next: {error.remedy or 'it is tried again'}")


def _names(wired: App, limited: int) -> int:
    """How many tickers' names one run asks for: each costs a call, and up to three."""
    return limited if wired.settings.vendor.rate_limit else _UNLIMITED
