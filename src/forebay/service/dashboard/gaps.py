"""Gaps: sessions whose minutes lack what was traded, searched for one symbol, and those known to stay."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from forebay.app.gaps import find_gaps, scopes
from forebay.errors import UsageError
from forebay.ledger.figures import gaps_that_stay
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE
from forebay.model.gap import Gap, Outcome
from forebay.model.partition import Source
from forebay.model.run import Order, RunKind
from forebay.service.dashboard.pages import back_to, render
from forebay.service.desk import At, Desk
from forebay.service.routes.gaps import bounded
from forebay.service.routes.runs import Under, ordered
from forebay.service.words import in_order
from forebay.symbols.registry_rows import TICKER

routes = APIRouter()
_ROWS = 200
Ticker = Annotated[str, Query(pattern=f"{TICKER}|^$")]


@routes.get("/gaps")
def gaps(request: Request, desk: At, symbol: Ticker = "", start: str = "", end: str = "") -> Response:
    """The gaps of a symbol, where one is named; and those that were tried and stay."""
    first, last = _day(start), _day(end)
    found = _search(desk, symbol, first, last) if symbol else None
    stay = gaps_that_stay(desk.ledger.database)
    return render(
        request,
        "gaps.html",
        symbol=symbol,
        start=start,
        end=end,
        found=found,
        most=_ROWS,
        open=sum(gap.outcome is Outcome.OPEN for gap in found or ()),
        stay=stay,
        staying=[row for table in stay for row in _staying(desk, table)][:_ROWS],
        redact=desk.redact,
    )


@routes.post("/gaps")
def repair(
    runs: Under,
    symbol: Annotated[str, Form(pattern=TICKER)],
    start: Annotated[str, Form(max_length=10)] = "",
    end: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Order the repair of a symbol's gaps; the queue shows how it goes."""
    first, last = _day(start), _day(end)
    in_order(first, last)
    ordered(runs, Order(RunKind.REPAIR, (symbol,), first, last))
    return back_to("/queue#runs-head")


def _search(desk: Desk, symbol: str, start: date | None, end: date | None) -> list[Gap]:
    in_order(start, end)
    app = desk.opened()
    wanted = [bounded(scope, named=start is not None) for scope in scopes(app, [symbol], start, end)]
    return [gap for _, several in find_gaps(app, wanted) for gap in several]


def _staying(desk: Desk, table: str) -> list[Coverage]:
    return desk.ledger.coverage.find(
        LAKE, table, verdicts=[Verdict.MISSING_UPSTREAM], sources=[Source.LAKE], limit=_ROWS
    )


def _day(text: str) -> date | None:
    """A date of a form; None where none was given. Raises UsageError."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError("that is no date", remedy="write it as 2026-03-02") from error
