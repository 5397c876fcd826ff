"""`forebay gaps`: minutes that were traded and are not held, found and fetched again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import End, Json, Start, Tickers, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say, tell
from forebay.errors import UsageError

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.model.gap import Gap
    from forebay.orchestration.minutes_scan import GapScope

_SHOWN = 60
"""Gaps that a person is shown; --json has all."""
Budget = Annotated[
    int | None,
    typer.Option("--budget", min=0, metavar="N", help="Gaps that are repaired at most, the latest first (GAP_BUDGET)."),
]

app = typer.Typer(help="Find minutes that were traded and are not held, and fetch them again.")


@app.callback()
def _gaps() -> None:
    """Find minutes that were traded and are not held, and fetch them again."""


@app.command("scan")
def scan(
    ctx: typer.Context, tickers: Tickers = None, start: Start = None, end: End = None, *, json: Json = False
) -> int:
    """List the gaps in minute bars, each with its evidence. Asks no vendor and changes nothing; exit code 3 if any.

    A minute in which nobody traded is no gap, and neither is a day without a session. Without --tickers the enabled
    symbols of the registry are searched.

    Example: forebay gaps scan --tickers AAPL MSFT --start 2024-01-02 --end 2024-12-31
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.gaps import find_gaps

    with open_app(settings) as wired:
        found = [gap for _, gaps in find_gaps(wired, _scopes(wired, tickers, start, end)) for gap in gaps]
    return _show(found, json=json)


@app.command("repair")
def repair(
    ctx: typer.Context,
    tickers: Tickers = None,
    start: Start = None,
    end: End = None,
    budget: Budget = None,
    *,
    again: Annotated[bool, typer.Option("--again", help="Ask for what the vendor is known to lack, too.")] = False,
    json: Json = False,
) -> int:
    """Fetch exactly what the gaps lack, and say of each whether it is closed, or why not. Exit code 3 if any is left.

    What the vendor lacks itself is remembered, and not asked for again until it publishes something else.

    Example: forebay gaps repair --tickers AAPL --start 2024-01-02 --budget 100
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.gaps import repair_gaps

    with open_app(settings) as wired:
        wired.recover()
        most = settings.gaps.budget if budget is None else budget
        done = repair_gaps(wired, _scopes(wired, tickers, start, end), most, again=again)
    return _show(done, json=json)


def _scopes(wired: App, tickers: Sequence[str] | None, start: date | None, end: date | None) -> list[GapScope]:
    from forebay.app.gaps import kept_symbols, scopes

    symbols = tickers or kept_symbols(wired)
    if not symbols:
        raise UsageError(
            "no symbol is named, and the registry has none that is enabled",
            remedy="`forebay gaps scan --tickers AAPL`, or `forebay registry add AAPL --strategy flatpack` first",
        )
    return scopes(wired, symbols, start, end)


def _show(gaps: Sequence[Gap], *, json: bool) -> int:
    from forebay.model.gap import Outcome

    left = [gap for gap in gaps if gap.outcome is not Outcome.CLOSED]
    if json:
        print_json([_as_json(gap) for gap in gaps])
    else:
        _print(gaps)
    return ExitCode.PARTIAL if left else ExitCode.OK


def _print(gaps: Sequence[Gap]) -> None:
    if gaps:
        rows = [(gap.symbol, gap.day, gap.missing, gap.proof, gap.outcome) for gap in gaps[:_SHOWN]]
        print_table(("symbol", "session", "minutes", "known by", "outcome"), rows)
    for gap in gaps[:_SHOWN]:
        say(f"{gap.symbol} {gap.day}: {gap.reason or gap.evidence}")
    if len(gaps) > _SHOWN:
        tell(f"... and {len(gaps) - _SHOWN:,} more: --json lists them")
    counts = Counter(gap.outcome.value for gap in gaps)
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counts.items()))
    say(f"{len(gaps):,} gaps{f': {told}' if told else ''}")


def _as_json(gap: Gap) -> dict[str, Any]:
    return {**asdict(gap), "duration": gap.duration.total_seconds()}
