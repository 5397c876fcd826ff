"""REST facts of the market itself: exchanges, conditions, ticker types, status now and days to come."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any

from forebay.model.calendar import NEW_YORK, session, session_days
from forebay.sandbox.desk import Desk
from forebay.sandbox.paging import page, with_cursor
from forebay.sandbox.query import Row
from forebay.sandbox.wire import Request

_YEAR = timedelta(days=365)
_SATURDAY = 5
_FULL_DAY_ENDS = 16
_HOLIDAYS = {
    (1, 1): "New Years Day",
    (1, 0): "Martin Luther King, Jr. Day",
    (2, 0): "Washington's Birthday",
    (3, 0): "Good Friday",
    (4, 0): "Good Friday",
    (5, 0): "Memorial Day",
    (6, 0): "Juneteenth",
    (7, 0): "Independence Day",
    (9, 0): "Labor Day",
    (11, 0): "Thanksgiving",
    (12, 0): "Christmas",
}


@lru_cache(maxsize=8)
def records(name: str) -> list[Row]:
    """The vendor's own records: `conditions`, `exchanges` or `ticker_types`."""
    found: list[Row] = json.loads(files("forebay.sandbox").joinpath(f"data/{name}.json").read_text(encoding="utf-8"))
    return found


def _matching(request: Request, name: str, *filters: str) -> list[Row]:
    return [row for row in records(name) if all(request.value(key) in (None, "", str(row.get(key))) for key in filters)]


def exchanges(desk: Desk, request: Request) -> Row:
    """`/v3/reference/exchanges`: the stock exchanges."""
    del desk
    rows = _matching(request, "exchanges", "asset_class", "locale")
    return {"results": rows, "status": "OK", "count": len(rows)}


def ticker_types(desk: Desk, request: Request) -> Row:
    """`/v3/reference/tickers/types`."""
    del desk
    rows = _matching(request, "ticker_types", "asset_class", "locale")
    return {"results": rows, "status": "OK", "count": len(rows)}


def conditions(desk: Desk, request: Request) -> Row:
    """`/v3/reference/conditions`: the records of stocks; ids are unique per data type only."""
    del desk
    request = with_cursor(request)
    data_type, sip = request.value("data_type"), request.value("sip")
    rows = [
        row
        for row in _matching(request, "conditions", "asset_class", "id")
        if data_type in (None, "", *row["data_types"]) and sip in (None, "", *row.get("sip_mapping", {}))
    ]
    return page(request, rows, 10, 1000)


def status_now(desk: Desk, request: Request) -> Row:
    """`/v1/marketstatus/now`."""
    del request
    now = desk.clock.now()
    stage = stage_of(now)
    local = now.astimezone(NEW_YORK)
    word = "extended-hours" if stage in ("early_trading", "late_trading") else stage
    return {
        "market": word,
        "earlyHours": stage == "early_trading",
        "afterHours": stage == "late_trading",
        "serverTime": local.isoformat(timespec="seconds"),
        "exchanges": {"nasdaq": word, "nyse": word, "otc": "open" if stage == "open" else "closed"},
        "currencies": {"fx": "open" if _forex_open(now) else "closed", "crypto": "open"},
    }


def stage_of(moment: datetime) -> str:
    """Where the stock session stands: `early_trading`, `open`, `late_trading` or `closed`."""
    day = moment.astimezone(NEW_YORK).date()
    if not session_days("XNYS", day, day):
        return "closed"
    today = session("XNYS", day)
    for word, begins, ends in (
        ("early_trading", today.opens, today.regular_opens),
        ("open", today.regular_opens, today.regular_closes),
        ("late_trading", today.regular_closes, today.closes),
    ):
        if begins <= moment < ends:
            return word
    return "closed"


def _forex_open(moment: datetime) -> bool:
    day = moment.date()
    if not session_days("forex", day, day):
        return False
    today = session("forex", day)
    return today.opens <= moment < today.closes


def upcoming(desk: Desk, request: Request) -> list[Any]:
    """`/v1/marketstatus/upcoming`: holidays and half days of the year to come, as a bare array."""
    del request
    first = desk.today() + timedelta(days=1)
    last = first + _YEAR
    open_days = set(session_days("XNYS", first, last))
    rows: list[Row] = []
    for day in (first + timedelta(days=number) for number in range((last - first).days)):
        if day.weekday() < _SATURDAY:
            rows += _closed(day) if day not in open_days else _shortened(day)
    return rows


def _closed(day: date) -> list[Row]:
    name = _HOLIDAYS.get((day.month, day.day), _HOLIDAYS.get((day.month, 0), "Market Holiday"))
    return [{"exchange": where, "name": name, "date": day.isoformat(), "status": "closed"} for where in _EXCHANGES]


_EXCHANGES = ("NYSE", "NASDAQ", "OTC")


def _shortened(day: date) -> list[Row]:
    today = session("XNYS", day)
    if today.regular_closes.astimezone(NEW_YORK).hour >= _FULL_DAY_ENDS:
        return []
    name = _HOLIDAYS.get((day.month, 0), "Early Close")
    hours = {"open": f"{today.regular_opens:%Y-%m-%dT%H:%M:%S}.000Z"}
    hours["close"] = f"{today.regular_closes:%Y-%m-%dT%H:%M:%S}.000Z"
    row: Row = {"name": name, "date": day.isoformat(), "status": "early-close", **hours}
    return [{"exchange": where, **row} for where in _EXCHANGES[:2]]
