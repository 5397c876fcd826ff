"""What is spelled alike in every question: symbols, dates, page sizes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BeforeValidator

from forebay.errors import UsageError
from forebay.model.words import nearest
from forebay.symbols.registry_rows import TICKER

Ticker = Annotated[str, Path(pattern=TICKER, description="Case-sensitive, as REST spells it.", examples=["AAPL"])]


def _spelled(pattern: str) -> BeforeValidator:
    """Texts of this form alone: pydantic would read a bare number as seconds since 1970."""
    form = re.compile(pattern, re.ASCII)

    def check(value: Any) -> Any:
        if not isinstance(value, date) and not (isinstance(value, str) and form.fullmatch(value)):
            raise ValueError("write it as ISO 8601 does: 2026-03-02, or 2026-03-02T14:30:00Z where a time is meant")
        return value

    return BeforeValidator(check)


def _in_utc(moment: datetime) -> datetime:
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("there is no such moment in UTC") from error


Day = Annotated[date, _spelled(r"\d{4}-\d\d-\d\d")]
Instant = Annotated[datetime, _spelled(r"\d{4}-\d\d-\d\d[Tt].+"), AfterValidator(_in_utc)]
"""In UTC, which is meant where no zone is given."""
Start = Annotated[Day | None, Query(description="First session date, included.", examples=["2026-03-02"])]
End = Annotated[Day | None, Query(description="Last session date, included.", examples=["2026-03-06"])]
TABLE = r"^[a-z0-9_]{1,40}/[a-z0-9_]{1,40}$"
Table = Annotated[str | None, Query(pattern=TABLE, description="Of this table.", examples=["stocks/bars_1m"])]
Symbol = Annotated[str | None, Query(pattern=TICKER, description="Of this symbol alone.", examples=["AAPL"])]
PAGE = 1_000
"""Rows of a page at most, bars aside."""
Limit = Annotated[int, Query(ge=1, le=PAGE, description="Rows at most.", examples=[100])]


def in_order(start: date | None, end: date | None) -> None:
    """Raise UsageError for dates in reverse."""
    if start and end and end < start:
        raise UsageError(f"the dates are reversed: {start} is after {end}", remedy="swap start and end")


async def only_described(request: Request) -> None:
    """Refuse a parameter that the endpoint has not: a filter that is misspelled must not mean that there is none."""
    path = request.app.openapi()["paths"][request.scope["route"].path]
    described = path[request.method.lower()].get("parameters", ())
    known = [each["name"] for each in described if each["in"] == "query"]
    for name in request.query_params:
        if name not in known:
            hint = nearest(name, known) if known else "there are none"
            raise RequestValidationError([{"loc": ("query",), "msg": f"a parameter is not known; {hint}"}])
