"""A symbol's history, from Python: fetched, searched for gaps, and repaired."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from forebay.app.gaps import repair_gaps, scopes
from forebay.app.wired import App, open_app
from forebay.errors import UsageError
from forebay.lake.reading.question import Day, as_day
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed
from forebay.model.gap import Outcome
from forebay.model.instrument import asset_class_of
from forebay.model.task import TaskKind
from forebay.orchestration.sync import carry_out
from forebay.settings import load
from forebay.symbols.registry_rows import check_symbol
from forebay.telemetry.logs import log_as_library

if TYPE_CHECKING:
    from forebay.model.gap import Gap
    from forebay.settings import Settings


def run_backfill(
    symbol: str, start: Day | datetime, end: Day | datetime, *, settings: Settings | None = None
) -> list[Gap]:
    """Fetch the day and minute bars of `symbol` that are not held, from `start` to `end`, and repair its gaps.

    Dates are session dates, both included; of an aware datetime its date in New York. Returns the gaps that stay, by
    date, each with its `outcome` and `reason`: none when nothing lacks. `settings` are read as by the commands where
    none are given. What it does goes to `logging`, under `forebay`, which shows warnings unless told otherwise. Raises
    UsageError for a wrong symbol or date or a missing key, VendorError, LakeError, LedgerError.
    """
    log_as_library()
    check_symbol(symbol)
    first, last = _session_date(start), _session_date(end)
    if last < first:
        raise UsageError(f"{start} to {end} is no range of dates", remedy="give the first day and the last")
    with open_app(settings or load()) as app:
        app.recover()
        return backfill(app, symbol, first, last)


def _session_date(given: Day | datetime) -> date:
    if isinstance(given, datetime) and given.tzinfo is not None:
        return given.astimezone(NEW_YORK).date()
    day = as_day(given)
    if day is None:
        raise UsageError("a backfill wants its first day and its last", remedy="write dates as 2024-01-31")
    return day


def backfill(app: App, symbol: str, start: date, end: date) -> list[Gap]:
    """The same in a wired application."""
    asset_class = asset_class_of(symbol)
    datasets = tuple(found for kind in ("1d", "1m") if (found := BAR_DATASETS.get(f"{asset_class}/bars_{kind}")))
    prospect = app.outlook().look_ahead([Feed(f"backfill {symbol}", datasets, (symbol,), start, end)])
    carry_out(prospect.plan, app.ledger, app.worker(kinds=[TaskKind.LOAD, TaskKind.FETCH]))
    told = repair_gaps(app, scopes(app, [symbol], start, end), app.settings.gaps.budget)
    return [gap for gap in told if gap.outcome is not Outcome.CLOSED]
