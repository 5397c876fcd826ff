"""The registry: which symbols are kept, and how."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from forebay.model.registry import IngestionStatus, IngestionStrategy, SymbolRegistry
from forebay.service.desk import At
from forebay.service.faults import faults
from forebay.service.tags import tagged
from forebay.service.words import PAGE, Limit, Ticker
from forebay.symbols.registry_rows import TICKER

routes = APIRouter(prefix="/api/v1/symbols", tags=["symbols"])
_STRICT = ConfigDict(extra="forbid")
_MOST_ADDED = 10_000
_LONGEST_TEXT = 2_000
Description = Annotated[str, Field(max_length=_LONGEST_TEXT, description="For people.", examples=["Apple Inc."])]
Metadata = Annotated[
    dict[str, Any],
    Field(
        description="JSON values. Known: `asset_class`, `timeframes` (of 1m and 1d), `start` (first day wanted).",
        examples=[{"start": "2024-01-02"}],
    ),
]


class SymbolAdded(BaseModel):
    """A symbol to be kept."""

    model_config = _STRICT

    symbol: str = Field(pattern=TICKER, description="Case-sensitive, as REST spells it.", examples=["AAPL"])
    strategy: IngestionStrategy = Field(IngestionStrategy.FLATPACK, examples=["flatpack_snapshot_stream"])
    enabled: bool = True
    description: Description = ""
    metadata: Metadata = Field(default_factory=dict)

    def entry(self) -> SymbolRegistry:
        """As the registry takes it."""
        return SymbolRegistry(self.symbol, self.strategy, enabled=self.enabled, **self.model_dump(include=_TEXTS))


_TEXTS = {"description", "metadata"}


class SymbolsAdded(BaseModel):
    """Several at once."""

    model_config = _STRICT

    symbols: list[SymbolAdded] = Field(min_length=1, max_length=_MOST_ADDED)


class Added(BaseModel):
    """What became of several."""

    added: int
    known: int = Field(description="In the registry already, and not changed.")


class StatusGiven(BaseModel):
    """How a symbol fares, said by hand."""

    model_config = _STRICT

    status: IngestionStatus = Field(examples=["disabled"])
    error_message: str | None = Field(None, max_length=_LONGEST_TEXT, examples=["HTTP 429: rate limit exceeded"])


class SymbolChanged(BaseModel):
    """What is to be different; what is left out stays."""

    model_config = _STRICT

    strategy: IngestionStrategy | None = Field(None, examples=["flatpack_api"])
    enabled: bool | None = None
    description: Description | None = None
    metadata: Metadata | None = None


class SymbolShown(BaseModel):
    """One symbol of the registry. Times are UTC."""

    symbol: str = Field(examples=["AAPL"])
    strategy: IngestionStrategy
    status: IngestionStatus
    enabled: bool
    description: str
    metadata: dict[str, Any]
    last_backfill: datetime | None = Field(description="When a backfill last ended with nothing missing.")
    last_snapshot: datetime | None
    last_stream: datetime | None
    error_message: str | None
    failures: int = Field(description="Runs that failed since one succeeded.")
    retry_at: datetime | None = Field(description="After an error: not run again before.")
    created_at: datetime | None
    updated_at: datetime | None

    @classmethod
    def of(cls, entry: SymbolRegistry) -> Self:
        """As the registry has it, which is not checked anew: a list has a thousand."""
        return cls.model_construct(**{name: getattr(entry, name) for name in cls.model_fields})


class SymbolsShown(BaseModel):
    """Symbols in byte order."""

    symbols: list[SymbolShown]
    next: str | None = Field(description="Ask again with `after` set to it; null: there are no more.")


@routes.get(
    "",
    summary="List symbols",
    response_model=SymbolsShown,
    responses={304: {"description": "As before"}, **faults(422)},
)
def list_symbols(
    request: Request,
    desk: At,
    enabled_only: Annotated[bool, Query(description="Without those that are disabled.")] = False,
    strategy: Annotated[IngestionStrategy | None, Query(description="Kept in this way.")] = None,
    status: Annotated[IngestionStatus | None, Query(description="That fare so.")] = None,
    after: Annotated[str | None, Query(pattern=TICKER, description="From the first one behind it.")] = None,
    limit: Limit = PAGE,
) -> Response:
    """The symbols of the registry, in byte order. `If-None-Match` with the `ETag` of a page costs a 304 as it stays."""
    found = desk.registry.list(
        enabled_only=enabled_only, strategy=strategy, status=status, after=after, limit=limit + 1
    )
    shown = [SymbolShown.of(entry) for entry in found[:limit]]
    page = SymbolsShown.model_construct(symbols=shown, next=shown[-1].symbol if len(found) > limit else None)
    return tagged(request, page.model_dump_json().encode())


@routes.post("", summary="Add a symbol", status_code=201, responses=faults(409, 413, 422))
def add_symbol(desk: At, body: SymbolAdded) -> SymbolShown:
    """Keep one more symbol, from the next run on. 409 when it is there already."""
    return SymbolShown.of(desk.registry.add(body.entry()))


@routes.post("/bulk", summary="Add many symbols", responses=faults(413, 422))
def add_symbols(desk: At, body: SymbolsAdded) -> Added:
    """Add those that are not there yet: all of them or, when one is wrong, none."""
    added, known = desk.registry.add_many(each.entry() for each in body.symbols)
    return Added(added=added, known=known)


@routes.get("/{symbol}", summary="One symbol", responses=faults(404, 422))
def show_symbol(desk: At, symbol: Ticker) -> SymbolShown:
    """One symbol, and how it fares."""
    return SymbolShown.of(desk.registry.require(symbol))


@routes.put("/{symbol}/status", summary="Say how a symbol fares", responses=faults(404, 413, 422))
def set_status(desk: At, symbol: Ticker, body: StatusGiven) -> SymbolShown:
    """`disabled` keeps it no longer, any other status enables it; whoever is running it loses it."""
    return SymbolShown.of(desk.registry.set_status(symbol, body.status, body.error_message))


@routes.patch("/{symbol}", summary="Change a symbol", responses=faults(404, 413, 422))
def change_symbol(desk: At, symbol: Ticker, body: SymbolChanged) -> SymbolShown:
    """Another strategy, description or metadata, or whether it is kept; the rest stays."""
    return SymbolShown.of(desk.registry.change(symbol, **dict(body)))


@routes.delete("/{symbol}", summary="Delete a symbol", status_code=204, responses=faults(404, 422))
def delete_symbol(desk: At, symbol: Ticker) -> None:
    """Forget it. What it brought stays in the lake."""
    desk.registry.require(symbol)
    desk.registry.delete(symbol)
