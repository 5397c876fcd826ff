"""Bars of the lake, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from itertools import chain
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from forebay import __version__
from forebay.service.bars import BarsAsked, Page, page_of
from forebay.service.desk import At
from forebay.service.faults import faults
from forebay.service.forms import CONTENT, PIECE, Form, encoded, form_of, objects
from forebay.service.pages import Encoded
from forebay.service.tags import is_seen, tag_of
from forebay.service.words import Ticker

if TYPE_CHECKING:
    from forebay.lake.reading.reader import Lake

routes = APIRouter(tags=["bars"])


class Bar(BaseModel):
    """One bar. Prices are as published unless they were to be adjusted; times are UTC."""

    model_config = ConfigDict(extra="allow")

    ticker: str
    window_start: datetime
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    vwap: float | None
    transactions: int | None
    session_date: date
    source: str | None


class Bars(BaseModel):
    """A page of bars."""

    symbol: str = Field(examples=["AAPL"])
    timeframe: str = Field(examples=["5m"])
    next: datetime | None = Field(description="Ask again with `after` set to it; null: there are no more.")
    notes: list[str] = Field(description="Why there are none, where nothing is held.")
    bars: list[Bar]


@routes.get(
    "/api/v1/bars/{symbol}",
    summary="Bars of one symbol",
    response_model=Bars,
    responses={
        200: {"content": CONTENT, "description": "Bars, by time"},
        304: {"description": "As before"},
        **faults(404, 406, 422),
    },
)
def bars(request: Request, desk: At, symbol: Ticker, asked: Annotated[BarsAsked, Query()]) -> Response:
    """Bars by time, in the form that Accept names: JSON, CSV, Arrow (a stream) or Parquet.

    A page has `limit` bars at most; the header `Link: <...>; rel="next"` leads to the next one in every form. Whoever
    has the page of an `ETag` sends it as `If-None-Match`, and is told by 304 that nothing changed.
    """
    form = form_of(request.headers.get("accept", ""))
    tag = _tag(desk.lake, symbol, asked, form)
    if tag and is_seen(request, tag):
        return Response(status_code=304, headers={"ETag": tag, "Vary": "Accept"})
    if tag and (kept := desk.pages.get(tag)):
        return Response(kept.body, media_type=form, headers=dict(kept.headers))
    page = page_of(desk.lake, symbol, asked)
    headers = {"Vary": "Accept", **({"ETag": tag} if tag else {}), **_next(request, page)}
    pieces = _as_json(symbol, asked.timeframe, page) if form is Form.JSON else encoded(page.rows, form)
    if page.rows.height > PIECE:
        return StreamingResponse(pieces, media_type=form, headers=headers)
    body = b"".join(pieces)
    if tag:
        desk.pages.put(tag, Encoded(body, headers))
    return Response(body, media_type=form, headers=headers)


def _tag(lake: Lake, symbol: str, asked: BarsAsked, form: Form) -> str:
    """Names the answer as long as the tables stay as they are; empty for adjusted bars, which change with the day."""
    if asked.adjust:
        return ""
    versions = lake.versions(symbol, asked.timeframe, asset_class=asked.asset_class, session=asked.session)
    return tag_of(repr((__version__, symbol, asked.model_dump_json(), form, versions)).encode())


def _next(request: Request, page: Page) -> dict[str, str]:
    if page.next is None:
        return {}
    following = request.url.include_query_params(after=page.next.isoformat().replace("+00:00", "Z"))
    return {"Link": f'<{following.path}?{following.query}>; rel="next"'}


def _as_json(symbol: str, timeframe: str, page: Page) -> Iterator[bytes]:
    """The page as `Bars`, without an object for each bar."""
    head = {
        "symbol": symbol,
        "timeframe": timeframe,
        "next": page.next and page.next.isoformat(),
        "notes": list(page.notes),
    }
    return chain([json.dumps(head).removesuffix("}").encode(), b', "bars":'], objects(page.rows), [b"}"])
