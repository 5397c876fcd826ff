"""What is held of one ticker in one timeframe, and how it is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from forebay.cli.output import say
from forebay.errors import LakeError, UsageError
from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS, Dataset
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE
from forebay.model.instrument import asset_class_of
from forebay.model.intervals import Interval, runs
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.timeframe import DERIVED, base_of, timeframes_named
from forebay.orchestration.wanted import of_ticker

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.model.feed import Feed
    from forebay.orchestration.report import Hole

_LONGEST_LIST = 12
"""Spans shown to a person; --json has all."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Bars of one ticker; session dates, both ends included."""

    ticker: str
    timeframe: str
    table: str
    """Where they are, or the minute bars that they are made from."""
    rows: int
    first: date | None
    last: date | None
    sources: dict[str, list[Interval]]
    """Where the dates came from that were asked for, those without trades included."""
    gaps: list[Hole]
    """What feeds ask for and is not held."""


def holding(app: App, feeds: Sequence[Feed], ticker: str, timeframe: str) -> Holding:
    """Look into ledger and lake; asks no vendor. Raises UsageError for an unknown size, LakeError for lost rows."""
    timeframes_named([timeframe])
    dataset = BAR_DATASETS[f"{asset_class_of(ticker)}/{base_of(timeframe)}"]
    app.confirm_lake([dataset.table])
    rows, first, last = _bars(app, ticker, timeframe)
    covered = app.ledger.coverage.find(
        LAKE, dataset.table, [ticker, ALL_SYMBOLS], verdicts=[one for one in Verdict if one.satisfies], limit=None
    )
    sources, gaps = _sources(dataset, covered), _gaps(app, feeds, ticker, dataset)
    return Holding(ticker, timeframe, dataset.table, rows, first, last, sources, gaps)


def show_holding(held: Holding) -> None:
    """As lines on stdout."""
    made = " (made from minute bars)" if held.timeframe in DERIVED else ""
    say(
        f"{held.ticker} {held.timeframe}: {held.rows:,} bars{made}"
        + (f", {held.first} to {held.last}" if held.rows else "")
    )
    for source, spans in held.sources.items():
        say(f"from {source}: {_listed(spans)}")
    if not held.gaps:
        say("gaps: none that a feed asks for")
    for gap in held.gaps[:_LONGEST_LIST]:
        say(f"gap: {_span(gap.dates)} ({gap.sessions} sessions): {gap.reason or 'not fetched yet'}")
    if len(held.gaps) > _LONGEST_LIST:
        say(f"and {len(held.gaps) - _LONGEST_LIST} more gaps: --json lists them")


def holding_json(held: Holding) -> dict[str, Any]:
    """As JSON values."""
    return asdict(held)


def _bars(app: App, ticker: str, timeframe: str) -> tuple[int, date | None, date | None]:
    """How many, and the first and the last session date."""
    try:
        days = app.lake.bars(ticker, timeframe).select("session_date").collect()["session_date"]
    except LakeError:  # no table yet: nothing is held
        return 0, None, None
    return (len(days), days[0], days[-1]) if len(days) else (0, None, None)


def _sources(dataset: Dataset, covered: Iterable[Coverage]) -> dict[str, list[Interval]]:
    days: defaultdict[str, set[date]] = defaultdict(set)
    for row in covered:
        days[row.source.value] |= set(
            session_days(dataset.calendar, row.partition.dates.start, row.partition.dates.end)
        )
    every = sorted(set().union(*days.values()))
    sessions = session_days(dataset.calendar, every[0], every[-1]) if every else []
    return {source: runs(sorted(of_source), sessions) for source, of_source in sorted(days.items())}


def _gaps(app: App, feeds: Sequence[Feed], ticker: str, dataset: Dataset) -> list[Hole]:
    wishes = [wish for wish in app.known_wishes(feeds) if wish.dataset is dataset and wish.destination == LAKE]
    try:
        asked = of_ticker(wishes, ticker)
    except UsageError:  # no feed asks for it: nothing is missing
        return []
    return app.status(asked).holes


def _listed(spans: Sequence[Interval]) -> str:
    shown = ", ".join(_span(span) for span in spans[:_LONGEST_LIST])
    return shown if len(spans) <= _LONGEST_LIST else f"{shown} and {len(spans) - _LONGEST_LIST} more"


def _span(dates: Interval) -> str:
    return f"{dates.start}" if dates.start == dates.end else f"{dates.start}..{dates.end}"
