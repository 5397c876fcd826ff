"""Bars of the lake, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from forebay.service.bars import BarsAsked, Page, page_of
from forebay.service.desk import At
from forebay.service.faults import faults
from forebay.service.forms import CONTENT, PIECE, Form, encoded, form_of, objects
from forebay.service.words import Ticker

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
    responses={200: {"content": CONTENT, "description": "Bars, by time"}, **faults(404, 406, 422)},
)
def bars(request: Request, desk: At, symbol: Ticker, asked: Annotated[BarsAsked, Query()]) -> Response:
    """Bars by time, in the form that Accept names: JSON, CSV, Arrow (a stream) or Parquet.

    A page has `limit` bars at most; the header `Link: <...>; rel="next"` leads to the next one in every form.
    """
    form = form_of(request.headers.get("accept", ""))
    page = page_of(desk.lake, symbol, asked)
    headers = {"Vary": "Accept"}
    if page.next:
        following = request.url.include_query_params(after=page.next.isoformat().replace("+00:00", "Z"))
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    pieces = _as_json(symbol, asked.timeframe, page) if form is Form.JSON else encoded(page.rows, form)
    if page.rows.height <= PIECE:
        return Response(b"".join(pieces), media_type=form, headers=headers)
    return StreamingResponse(pieces, media_type=form, headers=headers)


def _as_json(symbol: str, timeframe: str, page: Page) -> Iterator[bytes]:
    """The page as `Bars`, without an object for each bar."""
    head = {
        "symbol": symbol,
        "timeframe": timeframe,
        "next": page.next and page.next.isoformat(),
        "notes": list(page.notes),
    }
    return chain([json.dumps(head).removesuffix("}").encode(), b', "bars":'], objects(page.rows), [b"}"])
