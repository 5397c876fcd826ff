"""By what bars of the lake are adjusted: its tables of actions, as they were known, up to a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

import polars as pl

from forebay.bars.adjust import Action, Adjustment, steps
from forebay.errors import NoSuchTable
from forebay.lake.actions.counted import judged, of_tickers
from forebay.lake.actions.names import Bearing, Histories, Names
from forebay.lake.actions.overrides import Override, overrides_of
from forebay.lake.actions.shape import DIVIDENDS, EVENTS, SPLITS, Shape
from forebay.lake.actions.tables import read
from forebay.lake.home.home import Home
from forebay.model.intervals import Interval


def factors(
    home: Home,
    tickers: Collection[str] | None,
    how: Adjustment,
    until: date,
    known_at: datetime | None = None,
    *,
    since: date = date.min,
) -> pl.DataFrame:
    """What prices from `since` on are divided and multiplied by, ticker by ticker and day by day (STEPS).

    They lead to shares of `until`: actions after it change nothing. `tickers` are those that are asked for, None for
    any; `known_at` takes the tables as they were known then. Raises NoSuchTable when there are none, UsageError for a
    faulty override file.
    """
    dates = Interval(since, max(since, until))
    overrides = overrides_of(home)
    names = names_of(home, known_at)
    family = None if tickers is None else names.family(tickers)
    histories = Histories(names)
    splits = _counting(home, SPLITS, overrides.splits, family, dates, known_at)
    for ticker, day, old, new in splits.select("ticker", SPLITS.day, "split_from", "split_to").iter_rows():
        histories.add(ticker, Action(day, shares=new / old))
    if how is Adjustment.TOTAL_RETURN:
        paid = _counting(home, DIVIDENDS, overrides.dividends, family, dates, known_at)
        valued = paid.drop_nulls("previous_close").select("ticker", DIVIDENDS.day, "cash_amount", "previous_close")
        for ticker, day, cash, close in valued.iter_rows():
            histories.add(ticker, Action(day, kept=1.0 - cash / close))
    return steps(histories.all(), until)


def names_of(home: Home, known_at: datetime | None = None) -> Names:
    """Who bore which ticker when, as far as the vendor was asked."""
    rows = read(home, EVENTS, known_at)
    if rows is None:
        return Names(())
    known = rows.filter(pl.col("withdrawn_at").is_null(), pl.col("ticker") != "")
    columns = known.select("instrument", "ticker", "first_date", pl.col("last_date").fill_null(date.max))
    return Names(Bearing(*row) for row in columns.iter_rows())


def _counting(
    home: Home,
    shape: Shape,
    overrides: tuple[Override, ...],
    tickers: set[str] | None,
    dates: Interval,
    known_at: datetime | None,
) -> pl.DataFrame:
    """The rows of a table that count, of `tickers` (None: of all). Raises NoSuchTable when there is none."""
    rows = read(home, shape, known_at, tickers)
    if rows is None:
        when = f" at {known_at:%Y-%m-%d %H:%M}" if known_at else ""
        raise NoSuchTable(
            f"the lake at {home.uri} knew no {shape.table.partition('/')[2]}{when}, so its bars cannot be adjusted",
            remedy="run `forebay actions refresh`" + (", or take a later moment" if known_at else ""),
        )
    mine = of_tickers(judged(rows, overrides, shape), tickers)  # overrides are about others, too
    return mine.filter("counts", pl.col(shape.day).is_between(dates.start, dates.end))
