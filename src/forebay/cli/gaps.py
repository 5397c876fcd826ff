"""`forebay gaps`: minutes that were traded and are not held, found and fetched again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.gaps_database import is_database, show
from forebay.cli.options import End, Json, Start, Tickers, load_settings
from forebay.cli.output import ExitCode, print_json_list, print_table, say, tell
from forebay.errors import UsageError
from forebay.model.partition import ALL_SYMBOLS

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

In = Annotated[
    str,
    typer.Option("--in", metavar="PLACE", help="lake, or timescale: what TIMESCALE_*'s database lacks of the lake."),
]

app = typer.Typer(help="Find minutes that were traded and are not held, and fetch them again.")


@app.callback()
def _gaps() -> None:
    """Find minutes that were traded and are not held, and fetch them again."""


@app.command("scan")
def scan(
    ctx: typer.Context,
    tickers: Tickers = None,
    start: Start = None,
    end: End = None,
    where: In = "lake",
    *,
    json: Json = False,
) -> int:
    """List the gaps in minute bars, each with its evidence. Asks no vendor and changes nothing; exit code 3 if any.

    A minute in which nobody traded is no gap, and neither is a day without a session. Without --tickers the enabled
    symbols of the registry are searched, and the whole market where a feed wants it.

    With `--in timescale` the database is compared with the lake instead: bars that it has not, or of a lesser source.

    Example: forebay gaps scan --tickers AAPL MSFT --start 2024-01-02 --end 2024-12-31
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.gaps import find_gaps, unproven

    database = is_database(where)
    with open_app(settings) as wired:
        wanted = _scopes(wired, tickers, start, end)
        if database:
            return show(wired, wanted, 0, json=json)
        code = _show((gap for _, gaps in find_gaps(wired, wanted) for gap in gaps), json=json)
        _tell_unproven(unproven(wired, wanted))
    return code


@app.command("repair")
def repair(
    ctx: typer.Context,
    tickers: Tickers = None,
    start: Start = None,
    end: End = None,
    budget: Budget = None,
    where: In = "lake",
    *,
    again: Annotated[bool, typer.Option("--again", help="Ask for what the vendor is known to lack, too.")] = False,
    json: Json = False,
) -> int:
    """Fetch exactly what the gaps lack, and say of each whether it is closed, or why not. Exit code 3 if any is left.

    What the vendor lacks itself is remembered, and not asked for again until it publishes something else.

    With `--in timescale` bars that the database lacks are written from the lake, and no vendor is asked.

    Example: forebay gaps repair --tickers AAPL --start 2024-01-02 --budget 100
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.gaps import repair_gaps

    most, database = settings.gaps.budget if budget is None else budget, is_database(where)
    with open_app(settings) as wired:
        if database:
            return show(wired, _scopes(wired, tickers, start, end), most, json=json)
        wired.recover()
        done = repair_gaps(wired, _scopes(wired, tickers, start, end), most, again=again)
    return _show(done, json=json)


def _scopes(wired: App, tickers: Sequence[str] | None, start: date | None, end: date | None) -> list[GapScope]:
    from forebay.app.gaps import kept_symbols, market_scopes, scopes
    from forebay.cli.wishes import known_feeds

    symbols = tickers or kept_symbols(wired)
    market = [] if tickers else market_scopes(wired, known_feeds(wired), start, end)
    if not symbols and not market:
        raise UsageError(
            "no symbol is named, the registry has none that is enabled, and no feed wants the whole market's minutes",
            remedy="`forebay gaps scan --tickers AAPL`, or `forebay registry add AAPL --strategy flatpack` first",
        )
    found = [*scopes(wired, symbols, start, end), *market]
    if not any(scope.sessions for scope in found):
        tell("note: no session of these dates is over, so that no minute is expected yet")
    return found


def _show(gaps: Iterable[Gap], *, json: bool) -> int:
    """Print gaps as they are found; the exit code."""
    summary = _Summary()
    if json:
        print_json_list(_as_json(gap) for gap in summary.count(gaps))
    else:
        _print(summary.count(gaps), summary)
    return ExitCode.PARTIAL if summary.left else ExitCode.OK


@dataclass
class _Summary:
    """What many gaps come to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    symbols: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)

    def count(self, gaps: Iterable[Gap]) -> Iterator[Gap]:
        for gap in gaps:
            self.outcomes[gap.outcome.value] += 1
            self.symbols.add(_name(gap))
            self.days.add(gap.day)
            yield gap

    @property
    def left(self) -> int:
        """Gaps that are not closed."""
        return self.outcomes.total() - self.outcomes["closed"]

    def __str__(self) -> str:
        if not self.symbols:
            return "0 gaps"
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        place = f"{len(self.symbols):,} symbols on {len(self.days):,} sessions"
        return f"{self.outcomes.total():,} gaps of {place}: {told}"


def _name(gap: Gap) -> str:
    """Its symbol; of a whole market, which one."""
    return gap.symbol if gap.symbol != ALL_SYMBOLS else f"{gap.table} {gap.symbol}"


def _print(gaps: Iterator[Gap], summary: _Summary) -> None:
    shown = list(islice(gaps, _SHOWN))
    rows = [(_name(gap), gap.day, gap.missing, gap.proof, gap.outcome) for gap in shown]
    if rows:
        print_table(("symbol", "session", "minutes", "known by", "outcome"), rows)
    for gap in shown:
        say(f"{_name(gap)} {gap.day}: {gap.reason or gap.evidence}")
    if more := sum(1 for _ in gaps):
        tell(f"... and {more:,} more: --json lists them")
    say(str(summary))


def _tell_unproven(sessions: dict[str, int]) -> None:
    if sessions:
        tell(
            f"note: {sum(sessions.values()):,} sessions of {len(sessions):,} symbols came by REST when bars were not "
            "counted as they came: that no single minute of them was lost is unproven"
        )


def _as_json(gap: Gap) -> dict[str, Any]:
    return {**asdict(gap), "duration": gap.duration.total_seconds()}
