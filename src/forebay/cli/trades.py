"""`forebay trades`: bars from the vendor's trades, to look at, to check the lake by, and to repair it with."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Json, Tickers, load_settings, parse_date
from forebay.cli.output import ExitCode, print_json, print_table, say, tell
from forebay.cli.rows_out import Form, Format

if TYPE_CHECKING:
    from forebay.orchestration.trade_bars import Reading
    from forebay.orchestration.trade_check import DayCheck
    from forebay.orchestration.trade_repair import RepairPlan

_ROWS_SHOWN = 50
Day = Annotated[date, typer.Option("--date", parser=parse_date, metavar="DATE", help="The session date (YYYY-MM-DD).")]
Named = Annotated[
    list[str], typer.Option("--tickers", "--ticker", metavar="TICKER...", help="Case-sensitive: A B, or A,B.")
]

app = typer.Typer(help="Build bars from trades, check the lake by them, and repair it.")


@app.callback()
def _trades() -> None:
    """Build bars of US stocks from their trades, check the lake by them, and repair it."""


@app.command("bars")
def bars(
    ctx: typer.Context,
    day: Day,
    size: Annotated[str, typer.Option("--size", metavar="SIZE", help="1s, 10s, 1m, 2m, 1h, ... or 1d.")] = "1m",
    tickers: Tickers = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A .parquet or .csv file, instead of printing.")
    ] = None,
    form: Format = Form.TABLE,
    *,
    json: Json = False,
) -> int:
    """Build one day's bars from trades: raw prices, times in UTC. Reads the archive's file if it is held.

    Example: forebay trades bars --date 2024-03-07 --size 10s --tickers AAPL MSFT --out bars.parquet
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.trades import trade_bars
    from forebay.bars.sizes import bar_size
    from forebay.cli.trades_out import sink
    from forebay.orchestration.trade_check import prove_stocks

    wanted = bar_size(size)
    prove_stocks(tickers or ())
    to = sink(out, Form.JSON if json else form)
    with open_app(settings) as wired:
        reading, tables = trade_bars(wired).bars(day, [wanted], tickers)
        with to as write:
            for (table,) in tables:
                write(table)
    _tell_counts(reading)
    if tickers and not reading.tally.trades:
        tell(f"note: {', '.join(tickers)} did not trade on {day}; tickers are case-sensitive")
    return ExitCode.PARTIAL if reading.bad else ExitCode.OK


@app.command("check")
def check(ctx: typer.Context, day: Day, tickers: Tickers = None, *, json: Json = False) -> int:
    """Compare a day's bars in the lake with those that its trades make. Changes nothing; exit code 3 if they differ.

    Example: forebay trades check --date 2025-01-15
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.trades import trade_check

    with open_app(settings) as wired:
        found = trade_check(wired).check(day, tickers)
    if json:
        print_json({**_counts(found.reading), "day": day, "equal": found.equal, "tickers": _tickers(found)})
    else:
        _print_check(found)
    _tell_counts(found.reading)
    return ExitCode.OK if found.equal else ExitCode.PARTIAL


@app.command("repair")
def repair(
    ctx: typer.Context,
    day: Day,
    tickers: Named,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    *,
    json: Json = False,
) -> int:
    """Put minute bars built from trades into the lake, where the vendor's are missing or wrong.

    A ticker's day bar has to bear its trades out before any bar of the vendor's is replaced.

    Example: forebay trades repair --date 2025-01-15 --tickers ABC DEF --dry-run
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.trades import trade_repair

    with open_app(settings) as wired:
        wired.recover()
        room = trade_repair(wired)
        plan = room.plan(day, tickers)
        changed = False if dry_run else room.carry_out(plan)
    rows = _repairs(plan)
    if json:
        print_json({**_counts(plan.found.reading), "day": day, "changed": changed, "tickers": rows})
    else:
        print_table(
            ["ticker", "decision", "added", "replaced", "taken out", "left"], [list(row.values()) for row in rows]
        )
        say("nothing was changed: a dry run" if dry_run else "the lake has changed" if changed else "nothing to change")
    _tell_counts(plan.found.reading)
    return ExitCode.PARTIAL if plan.incomplete else ExitCode.OK


def _counts(reading: Reading) -> dict[str, Any]:
    tally = reading.tally
    return {
        "file": reading.key,
        "trades": tally.trades,
        "dropped": dict(tally.dropped),
        "unknown": dict(tally.unknown),
        "bad": dict(tally.bad),
    }


def _tell_counts(reading: Reading) -> None:
    tally = reading.tally
    tell(f"{reading.key}: {tally.trades:,} trades, {tally.dropped.total():,} of them dropped{_listed(tally.dropped)}")
    if tally.unknown:
        tell(f"{tally.unknown.total():,} trades count in spite of an{_listed(tally.unknown)}")
    if tally.bad:
        tell(f"{tally.bad.total():,} rows cannot be trades and are in quarantine{_listed(tally.bad)}")


def _listed(counts: dict[str, int]) -> str:
    found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    return ": " + ", ".join(f"{reason} ({count:,})" for reason, count in found) if found else ""


def _tickers(found: DayCheck) -> list[dict[str, Any]]:
    return [{**asdict(each), "equal": each.equal} for each in found.tickers]


def _print_check(found: DayCheck) -> None:
    unequal = [each for each in found.tickers if not each.equal]
    if unequal:
        print_table(
            ["ticker", "minutes", "missing", "extra", "differing", "in", "day bar"],
            [
                (each.ticker, each.minutes, each.missing, each.extra, each.differing, ",".join(each.fields), each.day)
                for each in unequal[:_ROWS_SHOWN]
            ],
        )
    if len(unequal) > _ROWS_SHOWN:
        say(f"... {len(unequal):,} tickers in all; --json prints them")
    minutes = sum(each.minutes for each in found.tickers)
    say(f"{len(found.tickers):,} tickers with {minutes:,} minute bars: {len(unequal):,} differ from their trades")


def _repairs(plan: RepairPlan) -> list[dict[str, Any]]:
    return [
        {
            "ticker": each.ticker,
            "decision": str(plan.decisions[each.ticker]),
            "added": done["missing"],
            "replaced": done["differs"],
            "taken_out": done["extra"],
            "left": each.missing + each.extra + each.differing - done.total(),
        }
        for each in plan.found.tickers
        for done in (plan.done_for(each.ticker),)
    ]
