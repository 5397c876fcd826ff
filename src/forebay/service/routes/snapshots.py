"""The newest snapshot of a symbol, as the lake has it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Query
from pydantic import BaseModel, create_model

from forebay.lake.snapshots.shape import SNAPSHOT_ROWS
from forebay.lake.snapshots.table import latest
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.snapshot import SHOWN_CLASSES
from forebay.service.desk import At
from forebay.service.faults import Refusal, faults
from forebay.service.words import Ticker

routes = APIRouter(tags=["snapshots"])
_TYPES: dict[type[pl.DataType], Any] = {pl.String: str, pl.Date: date, pl.Datetime: datetime, pl.Int64: int}
_NEVER_NULL = ("ticker", "session_date", "asked_at", "verdict", "reasons")
_COLUMNS: dict[str, Any] = {
    name: _TYPES.get(dtype.base_type(), float) if name in _NEVER_NULL else _TYPES.get(dtype.base_type(), float) | None
    for name, dtype in SNAPSHOT_ROWS.items()
}
SnapshotShown: type[BaseModel] = create_model(
    "SnapshotShown",
    __doc__="What the vendor last said of a symbol. Times of ticks are Unix nanoseconds; null is what it did not say.",
    **_COLUMNS,
)
_Class = Annotated[Literal["stocks", "crypto", "forex"] | None, Query(description="Else the ticker's prefix says it.")]


@routes.get(
    "/api/v1/snapshots/{symbol}",
    summary="The newest snapshot of one symbol",
    response_model=SnapshotShown,
    responses=faults(404, 422),
)
def snapshot(desk: At, symbol: Ticker, asset_class: _Class = None) -> dict[str, Any]:
    """The newest one that is held, with its verdict; the vendor is not asked."""
    of = AssetClass(asset_class) if asset_class else asset_class_of(symbol)
    held = latest(desk.lake.home, of, [symbol]) if of in SHOWN_CLASSES else SNAPSHOT_ROWS.to_frame()
    if held.is_empty():
        how = "keep it with a strategy that has `snapshot`" if of in SHOWN_CLASSES else f"there are none of {of}"
        raise Refusal(404, "no snapshot of this symbol is held", how)
    return held.row(0, named=True)
