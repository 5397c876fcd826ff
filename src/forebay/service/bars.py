"""A page of bars: what is asked for, and the rows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from forebay.service.words import Day, Instant

if TYPE_CHECKING:
    from forebay.lake.reading.reader import Lake

_LONGEST_HOURS = timedelta(days=2)
"""A bar begins within its session date, in every zone; the day before the cursor's is read too."""
Version = Annotated[int, Field(ge=0, lt=2**63)]
MOST_BARS = 100_000
"""Of a page."""


class BarsAsked(BaseModel):
    """Which bars, as query parameters."""

    model_config = ConfigDict(extra="forbid")

    timeframe: str = Field(
        "1m",
        pattern=r"^[1-9][0-9]{0,3}[mhdwMqy]$",
        description="Any size from 1m up: 5m, 45m, 2h, 1d, 1w, 1M, 1q, 1y.",
        examples=["5m"],
    )
    start: Day | None = Field(None, description="First session date, included.", examples=["2026-03-02"])
    end: Day | None = Field(None, description="Last session date, included.", examples=["2026-03-06"])
    session: Literal["all", "regular", "extended"] = Field("all", description="Hours of the day.")
    adjust: Literal["splits", "total_return"] | None = Field(None, description="Prices in the shares of today.")
    fill: Literal["previous"] | None = Field(None, description="A bar of volume 0 where nothing was traded.")
    asset_class: str | None = Field(
        None,
        pattern=r"^[a-z_]{1,40}$",
        description="Else the ticker's prefix says it; futures have none: futures_cme.",
        examples=["stocks"],
    )
    as_of: Version | Instant | None = Field(
        None,
        description="What was held then: a moment, or a version of the table.",
        examples=["2026-03-02T14:30:00Z"],
    )
    after: Instant | None = Field(None, description="Bars that begin later: the `next` of the page before.")
    limit: int = Field(10_000, ge=1, le=MOST_BARS, description="Bars at most.")


@dataclass(frozen=True, slots=True)
class Page:
    """Some bars in order, and where the next page begins."""

    rows: pl.DataFrame
    next: datetime | None
    """None: this is the last."""
    notes: Sequence[str]
    """Why there is nothing, where nothing is held at all."""


def page_of(lake: Lake, symbol: str, asked: BarsAsked) -> Page:
    """The page that is asked for, in memory: `MOST_BARS` at most.

    Raises UsageError for what is not possible together, NoSuchTable when nothing of the kind is held, LakeError.
    """
    bars = lake.bars(
        symbol,
        asked.timeframe,
        _start(asked),
        asked.end,
        asset_class=asked.asset_class,
        adjust=asked.adjust,
        session=asked.session,
        as_of=asked.as_of,
        fill=asked.fill,
    )
    if asked.after:
        bars = bars.filter(pl.col("window_start") > pl.lit(asked.after))
    with lake.explained():
        rows = bars.head(asked.limit + 1).collect()
    if rows.height > asked.limit:
        rows = rows.head(asked.limit)
        return Page(rows, rows["window_start"][-1], ())
    if rows.height or asked.after:
        return Page(rows, None, ())
    return Page(rows, None, _why_none(lake, symbol, asked))


def _why_none(lake: Lake, symbol: str, asked: BarsAsked) -> list[str]:
    words = (symbol, asked.timeframe, asked.start, asked.end)
    return lake.missing(*words, asset_class=asked.asset_class, session=asked.session, as_of=asked.as_of)


def _start(asked: BarsAsked) -> date | None:
    """The first date that can have bars of this page. A filled grid begins with the question, as what it carries on."""
    if asked.after is None or asked.fill or asked.after.date() <= date.min + _LONGEST_HOURS:
        return asked.start
    since = asked.after.date() - _LONGEST_HOURS
    since = max(since, asked.start or since)
    return min(since, asked.end or since)
