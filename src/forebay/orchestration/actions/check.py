"""What of the actions a person should look at: doubted rows, splits that nobody lists, entries that meet nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial

import polars as pl

from forebay.errors import LakeError
from forebay.lake.actions.adjusting import names_of
from forebay.lake.actions.counted import judged, stale
from forebay.lake.actions.overrides import Do, Override, overrides_of
from forebay.lake.actions.proving import unlisted
from forebay.lake.actions.shape import DIVIDENDS, SPLITS, Shape
from forebay.lake.actions.tables import read
from forebay.lake.reading.reader import Lake
from forebay.orchestration.actions.held import day_bars, held_tickers


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. It goes when actions.toml says what is right."""

    what: str
    """`doubted`, `unlisted` or `stale`."""
    kind: str
    """`split` or `dividend`."""
    ticker: str
    day: date
    why: str
    id: str = ""


def find(lake: Lake) -> list[Finding]:
    """Everything that is open, by kind and ticker. Raises LakeError where there are no tables, UsageError as overrides.

    Reads all held day bars once, a year at a time.
    """
    overrides = overrides_of(lake.home)
    tables = {shape.table: read(lake.home, shape) for shape in (SPLITS, DIVIDENDS)}
    splits, dividends = tables[SPLITS.table], tables[DIVIDENDS.table]
    if splits is None or dividends is None:
        raise LakeError(
            f"the lake at {lake.home.uri} has no corporate actions", remedy="run `forebay actions refresh` first"
        )
    told = judged(splits, overrides.splits, SPLITS)
    nights = _unlisted(lake, told)
    answered = {(entry.ticker, entry.day) for entry in overrides.splits if entry.do is Do.DROP}
    open_nights = [one for one in nights if (one.ticker, one.day) not in answered]
    idle = [entry for entry in stale(splits, overrides.splits, SPLITS) if not _answers(entry, nights)]
    return [
        *_doubted(told, SPLITS),
        *_doubted(judged(dividends, overrides.dividends, DIVIDENDS), DIVIDENDS),
        *open_nights,
        *(_stale(entry, "split") for entry in idle),
        *(_stale(entry, "dividend") for entry in stale(dividends, overrides.dividends, DIVIDENDS)),
    ]


def _doubted(rows: pl.DataFrame, shape: Shape) -> list[Finding]:
    waiting = pl.col("withdrawn_at").is_null() & pl.col("flag").is_not_null() & pl.col("override").is_null()
    kind = "split" if shape is SPLITS else "dividend"
    found = rows.filter(waiting).select("ticker", shape.day, "flag", "id")
    return [Finding("doubted", kind, *row) for row in found.iter_rows()]


def _unlisted(lake: Lake, splits: pl.DataFrame) -> list[Finding]:
    """Prices that moved as in a split, where no row says so, however doubted."""
    held = held_tickers(lake)
    if not held.dates:
        return []
    listed = splits.filter(pl.col("withdrawn_at").is_null())
    nights = unlisted(listed, names_of(lake.home), partial(day_bars, lake), held.span)
    return [
        Finding("unlisted", "split", ticker, day, f"the price went from {close} to {opened}, as in a split {looks}")
        for ticker, day, close, opened, looks in nights.iter_rows()
    ]


def _answers(entry: Override, nights: list[Finding]) -> bool:
    """Whether it says of such a night that there was no split."""
    return entry.do is Do.DROP and any((one.ticker, one.day) == (entry.ticker, entry.day) for one in nights)


def _stale(entry: Override, kind: str) -> Finding:
    why = f"actions.toml says {entry.do}, and the vendor lists no such {kind}"
    return Finding("stale", kind, entry.ticker, entry.day, why, entry.id or "")
