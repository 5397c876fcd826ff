"""What is spelled alike in every question: symbols, dates, page sizes."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Path, Query

TICKER = r"^[^\s/\\.\x00-\x1f][^\s/\\\x00-\x1f]{0,63}$"
"""What may be a ticker, and cannot be a path."""
Ticker = Annotated[str, Path(pattern=TICKER, description="Case-sensitive, as REST spells it.", examples=["AAPL"])]
Start = Annotated[date | None, Query(description="First session date, included.", examples=["2026-03-02"])]
End = Annotated[date | None, Query(description="Last session date, included.", examples=["2026-03-06"])]
_TABLE = r"^[a-z0-9_]{1,40}/[a-z0-9_]{1,40}$"
Table = Annotated[str | None, Query(pattern=_TABLE, description="Of this table.", examples=["stocks/bars_1m"])]
Symbol = Annotated[str | None, Query(pattern=TICKER, description="Of this symbol alone.", examples=["AAPL"])]
PAGE = 1_000
"""Rows of a page at most, bars aside."""
Limit = Annotated[int, Query(ge=1, le=PAGE, description="Rows at most.", examples=[100])]
