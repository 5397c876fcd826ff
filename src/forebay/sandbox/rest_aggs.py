"""REST bars: ranges, grouped days, the previous day, open and close. Source: the vendor's REST page, section 2."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import polars as pl

from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import BAR_DATASETS, Kind
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.sandbox.bars import FRAME
from forebay.sandbox.cells import hours, nanos
from forebay.sandbox.desk import Desk
from forebay.sandbox.paging import cursor_of, with_cursor
from forebay.sandbox.query import Row, bad, choice, day, flag, moment, not_found, number
from forebay.sandbox.windows import TIMESPANS, Timespan, merged
from forebay.sandbox.wire import Request

_DEFAULT_LIMIT, _MOST = 5000, 50_000
_SINGLE_DAYS_BACK = timedelta(days=15)
_MILLISECONDS = 1_000_000
_CLOSE = time(16, 0)


def ranged(desk: Desk, request: Request, **at: str) -> Row:
    """`/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{start}/{end}`: one page."""
    request = with_cursor(request)
    asset_class = asset_class_of(at["ticker"])
    timespan = _timespan(asset_class, at["multiplier"], at["timespan"])
    start, end = _instants(at["start"], at["end"], ZoneInfo(timespan.zone))
    newest_first = choice(request, "sort", "asc", ("asc", "desc")) == "desc"
    limit = number(request, "limit", _DEFAULT_LIMIT, _MOST)
    adjusted = flag(request, "adjusted", default=True)
    zone = ZoneInfo(timespan.zone)
    first = desk.check_window(start.astimezone(zone).date(), end.astimezone(zone).date())
    start = max(start, datetime.combine(first, time(), zone).astimezone(UTC))
    base = _base_bars(desk, at["ticker"], timespan, start, end, newest_first=newest_first)
    page, more = _page(base, limit)
    bars = merged((desk.adjusted(page) if adjusted else page).sort("window", "window_start"))
    rows = bar_rows(bars, asset_class)
    if at["ticker"] in _over_the_counter(desk):
        rows = [{**row, "otc": True} for row in rows]
    answer = _envelope(desk, at["ticker"], rows, page.height, adjusted=adjusted)
    if more and rows:
        answer["next_url"] = _next_url(request, at, timespan, bars, limit, newest_first=newest_first)
    return _sorted(answer, newest_first=newest_first)


def _timespan(asset_class: AssetClass, multiplier: str, unit: str) -> Timespan:
    if not multiplier.isdigit() or int(multiplier) < 1:
        raise bad("Could not parse the multiplier: it must be a positive integer")
    if unit not in TIMESPANS:
        raise bad(f"Invalid timespan: {unit!r}")
    return Timespan(int(multiplier), unit, BAR_DATASETS[f"{asset_class}/{Kind.BARS_1D}"].timezone)


def _instants(start: str, end: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first and the last millisecond asked for."""
    first, last = moment(start, "from"), moment(end, "to")
    if not isinstance(first, datetime):
        first = datetime.combine(first, time(), zone)
    if not isinstance(last, datetime):
        last = datetime.combine(last + timedelta(days=1), time(), zone) - timedelta(milliseconds=1)
    if last < first:
        raise bad("The parameter 'to' cannot be a time that occurs before 'from'")
    return first.astimezone(UTC), last.astimezone(UTC)


def _base_bars(
    desk: Desk, ticker: str, timespan: Timespan, start: datetime, end: datetime, *, newest_first: bool
) -> Iterator[pl.DataFrame]:
    """Base bars of whole windows, a month (for seconds: a day) at a time, each with the `window` it is in."""
    lowest, highest = timespan.window(start), timespan.window(end)
    first = timespan.day_of(lowest) - timedelta(days=1)
    last = end.date() + timespan.longest + timedelta(days=1)
    asset_class = asset_class_of(ticker)
    if timespan.of_seconds:
        pieces = desk.ticker_seconds(ticker, asset_class, first, last, newest_first=newest_first)
    else:
        pieces = desk.ticker_bars(ticker, asset_class, timespan.base, first, last, newest_first=newest_first)
    for piece in pieces:
        frame = piece.with_columns(timespan.windows(piece["window_start"]).alias("window"))
        frame = frame.filter(pl.col("window").is_between(lowest, highest))
        yield frame.reverse() if newest_first else frame


def _page(base: Iterator[pl.DataFrame], limit: int) -> tuple[pl.DataFrame, bool]:
    """At most `limit` base bars (more only to complete a first window), of whole windows, and whether more follow."""
    held = pl.DataFrame(schema=_EMPTY)
    for frame in base:
        held = pl.concat([held, frame])
        if held.height > limit and held["window"][-1] != held["window"][0]:
            break
    if held.height <= limit:
        return held, False
    border = held["window"][limit]
    page = held.head(limit).filter(pl.col("window") != border)
    if page.is_empty():
        page = held.filter(pl.col("window") == border)
    return page, page.height < held.height


_EMPTY = pl.Schema({**FRAME, "window": pl.Int64()})


def bar_rows(bars: pl.DataFrame, asset_class: AssetClass) -> list[Row]:
    """Result rows of bars with a `window` (ns). Indices have no volume; a bar without volume has no `vw`."""
    rows = []
    for bar in bars.iter_rows(named=True):
        row: Row = {}
        if asset_class is not AssetClass.INDICES:
            row["v"] = plain(bar["volume"])
            if bar["vwap"] is not None:
                row["vw"] = plain(bar["vwap"])
        row |= {"o": plain(bar["open"]), "c": plain(bar["close"]), "h": plain(bar["high"]), "l": plain(bar["low"])}
        row["t"] = bar["window"] // _MILLISECONDS
        if asset_class is not AssetClass.INDICES:
            row["n"] = bar["transactions"]
        rows.append(row)
    return rows


def plain(value: float) -> float:
    """A whole number without `.0`, as the vendor writes it."""
    return int(value) if value.is_integer() else value


def _envelope(desk: Desk, ticker: str, rows: list[Row], base: int, *, adjusted: bool) -> Row:
    answer: Row = {"ticker": ticker, "queryCount": base, "resultsCount": len(rows), "adjusted": adjusted}
    if rows:
        answer["results"] = rows
    return {**answer, "status": desk.status, "count": len(rows)}


def _sorted(answer: Row, *, newest_first: bool) -> Row:
    if newest_first and "results" in answer:
        answer["results"].reverse()
    return answer


def _next_url(
    request: Request, at: dict[str, str], timespan: Timespan, bars: pl.DataFrame, limit: int, *, newest_first: bool
) -> str:
    """State moves into the path: ascending, `from` becomes the start of the next bar; the cursor has limit and sort."""
    start, end = at["start"], at["end"]
    if newest_first:
        end = str(bars["window"][0] // _MILLISECONDS - 1)
    else:
        start = str(timespan.next_window(bars["window"][-1]) // _MILLISECONDS)
    state = {"limit": str(limit), "sort": "desc" if newest_first else "asc"}
    if request.value("adjusted") is not None:
        state = {"adjusted": request.value("adjusted") or "", **state}
    cursor = cursor_of(state)
    ticker = quote(at["ticker"], safe=":")
    return (
        f"{request.origin}/v2/aggs/ticker/{ticker}/range/{timespan.multiplier}/{timespan.unit}/{start}/{end}"
        f"?cursor={cursor}"
    )


def grouped(desk: Desk, request: Request, **at: str) -> Row:
    """`/v2/aggs/grouped/locale/{locale}/market/{market}/{date}`: every ticker's bar of one date."""
    classes = {"stocks": AssetClass.STOCKS, "crypto": AssetClass.CRYPTO, "fx": AssetClass.FOREX}
    asset_class = classes[at["market"]]
    wanted = day(at["date"], "date")
    adjusted = flag(request, "adjusted", default=True)
    desk.check_window(wanted, wanted)
    frame = desk.day_bars(asset_class, wanted)
    if asset_class is AssetClass.STOCKS and flag(request, "include_otc", default=False):
        frame = pl.concat([frame, *_otc_bars(desk, wanted)]).sort("ticker")
    frame = desk.adjusted(frame) if adjusted else frame
    rows = _closing_rows(desk, frame, asset_class)
    answer: Row = {"queryCount": len(rows), "resultsCount": len(rows), "adjusted": adjusted}
    if rows:
        answer["results"] = rows
    return {**answer, "status": desk.status, "count": len(rows)}


def _over_the_counter(desk: Desk) -> set[str]:
    """The tickers whose bars carry `otc`."""
    return {name.ticker for one in desk.market.over_the_counter for name in one.names}


def _otc_bars(desk: Desk, wanted: date) -> Iterator[pl.DataFrame]:
    for ticker in sorted(_over_the_counter(desk)):
        yield from desk.ticker_bars(ticker, AssetClass.STOCKS, Kind.BARS_1D, wanted, wanted)


def _closing_rows(desk: Desk, frame: pl.DataFrame, asset_class: AssetClass) -> list[Row]:
    """Day bars with `T`, stamped 16:00 Eastern (for pairs, the last millisecond of the UTC day)."""
    stamps = [_closing_stamp(asset_class, one) for one in frame["session_date"]]
    rows = bar_rows(frame.with_columns(pl.Series("window", stamps, dtype=pl.Int64())), asset_class)
    otc = _over_the_counter(desk)
    marks: list[Row] = [{"otc": True} if ticker in otc else {} for ticker in frame["ticker"]]
    return [{"T": ticker, **row, **mark} for ticker, row, mark in zip(frame["ticker"], rows, marks, strict=True)]


def _closing_stamp(asset_class: AssetClass, session_day: date) -> int:
    if asset_class in (AssetClass.CRYPTO, AssetClass.FOREX):
        return nanos(datetime.combine(session_day + timedelta(days=1), time(), UTC)) - _MILLISECONDS
    return nanos(datetime.combine(session_day, _CLOSE, NEW_YORK))


def previous(desk: Desk, request: Request, **at: str) -> Row:
    """`/v2/aggs/ticker/{ticker}/prev`: the last whole session's bar."""
    asset_class = asset_class_of(at["ticker"])
    adjusted = flag(request, "adjusted", default=True)
    last = desk.last_session(asset_class, desk.visible_until(asset_class))
    frame = latest_day(desk, at["ticker"], last) if last else pl.DataFrame(schema=_EMPTY)
    rows = _closing_rows(desk, desk.adjusted(frame) if adjusted else frame, asset_class)
    return _envelope(desk, at["ticker"], rows, len(rows), adjusted=adjusted)


def latest_day(desk: Desk, ticker: str, until: date) -> pl.DataFrame:
    """The newest day bar of a ticker up to a date, as a table of at most one row."""
    start = until - _SINGLE_DAYS_BACK
    frames = list(desk.ticker_bars(ticker, asset_class_of(ticker), Kind.BARS_1D, start, until))
    return pl.concat(frames).tail(1) if frames else pl.DataFrame(schema=_EMPTY)


def open_close(desk: Desk, request: Request, **at: str) -> Row:
    """`/v1/open-close/{ticker}/{date}`: one day, flat, with the first and last extended-hours prices."""
    ticker, wanted = at["ticker"], day(at["date"], "date")
    asset_class = asset_class_of(ticker)
    desk.check_window(wanted, wanted)
    adjusted = flag(request, "adjusted", default=True)
    bars = [_of_day(desk, ticker, kind, wanted, adjusted=adjusted) for kind in (Kind.BARS_1D, Kind.BARS_1M)]
    if bars[0].is_empty():
        raise not_found("NOT_FOUND", "Data not found.")
    found = bars[0].row(0, named=True)
    row: Row = {"status": desk.status, "from": wanted.isoformat(), "symbol": ticker}
    row |= {name: plain(found[name]) for name in ("open", "high", "low", "close")}
    if asset_class is not AssetClass.INDICES:
        row["volume"] = plain(found["volume"])
    if ticker in _over_the_counter(desk):
        row["otc"] = True
    return {**row, **_extended(bars[1], asset_class, wanted)}


def _of_day(desk: Desk, ticker: str, kind: Kind, wanted: date, *, adjusted: bool) -> pl.DataFrame:
    frames = list(desk.ticker_bars(ticker, asset_class_of(ticker), kind, wanted, wanted))
    frame = pl.concat(frames) if frames else pl.DataFrame(schema=_EMPTY)
    return desk.adjusted(frame) if adjusted else frame


def _extended(minutes: pl.DataFrame, asset_class: AssetClass, wanted: date) -> Row:
    if asset_class is not AssetClass.STOCKS:
        return {}
    session = hours(asset_class, wanted)
    early = minutes.filter(pl.col("window_start") < nanos(session.regular_opens))
    late = minutes.filter(pl.col("window_start") >= nanos(session.regular_closes))
    found: dict[str, Any] = {}
    if late.height:
        found["afterHours"] = plain(late["close"][-1])
    if early.height:
        found["preMarket"] = plain(early["open"][0])
    return found
