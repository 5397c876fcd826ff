"""REST trades: pages of ticks, and the last one. Source: the vendor's REST page, section 5."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl

from forebay.model.calendar import NEW_YORK
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.sandbox.cells import nanos
from forebay.sandbox.desk import Desk
from forebay.sandbox.paging import next_url, place_of, with_cursor
from forebay.sandbox.query import Row, bad, choice, day, not_found, number
from forebay.sandbox.rest_aggs import plain
from forebay.sandbox.wire import Request

_DEFAULT, _MOST = 1000, 50_000
_LAST_WITHIN = timedelta(days=15)
_NANOSECONDS = 1_000_000_000


def trades(desk: Desk, request: Request, **at: str) -> Row:
    """`/v3/trades/{ticker}`: one page; `timestamp` filters take a date (the Eastern day) or ns."""
    request = with_cursor(request)
    newest_first = choice(request, "order", "desc", ("asc", "desc")) == "desc"
    limit = number(request, "limit", _DEFAULT, _MOST)
    lowest, highest = _bounds(request)
    start, end = _date(lowest), _date(highest - 1)
    asset_class = asset_class_of(at["ticker"])
    start = desk.check_window(max(start, desk.market.start), max(end, desk.market.start))
    days = desk.market.sessions(asset_class, start, min(end, desk.today() + timedelta(days=1)))
    if newest_first:
        days.reverse()
    days, skip = _resumed(days, place_of(request))
    rows, following = _collect(desk, at["ticker"], days, (lowest, highest), limit, skip, newest_first=newest_first)
    answer: Row = {"results": rows, "status": desk.status}
    if following:
        answer["next_url"] = next_url(request, following)
    return answer


def _resumed(days: list[date], place: str) -> tuple[list[date], int]:
    """The days from a page's place (`day@row`) on, and the rows to skip of the first."""
    if not place:
        return days, 0
    first, _, row = place.partition("@")
    found = [number for number, one in enumerate(days) if one.isoformat() == first]
    if not found or not row.isdigit():
        raise bad("Invalid cursor")
    return days[found[0] :], int(row)


def _collect(
    desk: Desk,
    ticker: str,
    days: list[date],
    bounds: tuple[int, int],
    limit: int,
    skip: int,
    *,
    newest_first: bool,
) -> tuple[list[Row], str]:
    """Rows from `skip` of the first day on, and the place (`day@row`) of the next page; empty when there is none."""
    rows: list[Row] = []
    for one in days:
        frame = prints_of(desk, ticker, one).filter(pl.col("sip_timestamp").is_between(*bounds, closed="left"))
        frame = frame.reverse() if newest_first else frame
        room = limit - len(rows)
        if room == 0 and frame.height:
            return rows, f"{one}@0"
        rows += [trade_row(row) for row in frame.slice(skip, room).iter_rows(named=True)]
        if frame.height > skip + room:
            return rows, f"{one}@{skip + room}"
        skip = 0
    return rows, ""


def prints_of(desk: Desk, ticker: str, one: date) -> pl.DataFrame:
    """The visible trades of a ticker on one session date, oldest first."""
    return desk.prints(desk.market.ticker_cells(ticker, asset_class_of(ticker), one, one))


def trade_row(row: dict[str, Any]) -> Row:
    """One trade; what is empty is left out."""
    size = row["size"]
    found: Row = {"price": plain(row["price"]), "size": plain(size), "decimal_size": str(float(size))}
    found |= {"exchange": row["exchange"], "sip_timestamp": row["sip_timestamp"]}
    for name in ("id", "participant_timestamp", "sequence_number", "tape"):
        if name in row:
            found[name] = row[name]
    if row["conditions"]:
        found["conditions"] = condition_ids(row["conditions"])
    for name in ("correction", "trf_id", "trf_timestamp"):
        if row.get(name):
            found[name] = row[name]
    return found


def condition_ids(text: str) -> list[int]:
    """`12,37` as numbers."""
    return [int(part) for part in text.split(",") if part]


def last_trade(desk: Desk, request: Request, **at: str) -> Row:
    """`/v2/last/trade/{ticker}`: the newest visible trade; 404 when there is none in the last 15 days."""
    del request
    found = newest_print(desk, at["ticker"])
    if found is None:
        raise not_found()
    short = {"conditions": "c", "correction": "e", "trf_id": "r", "trf_timestamp": "f", "id": "i"}
    names = {"participant_timestamp": "y", "sequence_number": "q", "sip_timestamp": "t", "tape": "z"}
    names |= {"price": "p", "size": "s", "decimal_size": "ds", "exchange": "x", **short}
    row = trade_row(found)
    return {
        "results": {"T": at["ticker"], **{names[name]: value for name, value in row.items()}},
        "status": desk.status,
    }


def newest_print(desk: Desk, ticker: str) -> dict[str, Any] | None:
    """The newest visible trade of a ticker."""
    asset_class = asset_class_of(ticker)
    if asset_class in (AssetClass.INDICES, AssetClass.FOREX):
        return None
    last = min(desk.visible_until(asset_class).date() + timedelta(days=1), desk.market.end or date.max)
    for one in reversed(desk.market.sessions(asset_class, last - _LAST_WITHIN, last)):
        frame = prints_of(desk, ticker, one)
        if frame.height:
            return frame.row(-1, named=True)
    return None


def _bounds(request: Request) -> tuple[int, int]:
    """[lowest, highest) in ns."""
    lowest, highest = 0, nanos(datetime(2200, 1, 1, tzinfo=UTC))
    for suffix, text in _given(request):
        first, after = _span(text)
        if suffix in ("", ".gte"):
            lowest = max(lowest, first)
        if suffix in ("", ".lte"):
            highest = min(highest, after)
        if suffix == ".gt":
            lowest = max(lowest, after)
        if suffix == ".lt":
            highest = min(highest, first)
    if highest <= lowest:
        raise bad("The timestamp filters leave no time between them")
    return lowest, highest


def _given(request: Request) -> Iterator[tuple[str, str]]:
    for suffix in ("", ".gt", ".gte", ".lt", ".lte"):
        text = request.value(f"timestamp{suffix}")
        if text:
            yield suffix, text


def _span(text: str) -> tuple[int, int]:
    """The ns that a filter value covers: one, or those of an Eastern day."""
    if text.isdigit() and len(text) > len("20251001"):
        return int(text), int(text) + 1
    first = day(text, "timestamp")
    following = first + timedelta(days=1)
    return nanos(datetime.combine(first, time(), NEW_YORK)), nanos(datetime.combine(following, time(), NEW_YORK))


def _date(stamp: int) -> date:
    return datetime.fromtimestamp(stamp // _NANOSECONDS, NEW_YORK).date()
