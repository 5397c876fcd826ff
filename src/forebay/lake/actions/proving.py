"""Actions held against the prices around them: the flags of a table's rows, and splits that nobody lists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import date, timedelta
from itertools import islice

import polars as pl

from forebay.lake.actions.doubts import doubt_dividends, doubt_splits
from forebay.lake.actions.names import Names
from forebay.lake.actions.prices import AROUND, NEAR, around, jumps, tickers_around
from forebay.lake.actions.shape import DIVIDENDS, SPLITS, Shape
from forebay.model.intervals import Interval

Days = Callable[[Interval, Collection[str] | None], Iterator[pl.LazyFrame]]
"""Raw day bars of tickers (None: all) on session dates, from the best table to the last: ticker, session_date, open,
close, sorted by ticker and date."""

NO_DAYS = pl.LazyFrame(
    schema={"ticker": pl.String(), "session_date": pl.Date(), "open": pl.Float64(), "close": pl.Float64()}
)


def flagged_splits(rows: pl.DataFrame, asked: pl.Expr, names: Names, days: Days) -> pl.DataFrame:
    """All splits, with a fresh `flag` where `asked` and not withdrawn."""
    told = rows.filter(asked & _LISTED)
    priced = told.join(_prices(told, SPLITS, names, days), on=SPLITS.key, how="left")
    return _together(rows, asked, priced.with_columns(flag=doubt_splits()), SPLITS)


def flagged_dividends(
    rows: pl.DataFrame, asked: pl.Expr, names: Names, days: Days, splits: pl.DataFrame
) -> pl.DataFrame:
    """All dividends, with a fresh `flag` and `previous_close` where `asked` and not withdrawn.

    Where one of `splits` is of the same day, the close is in the shares that the cash is for.
    """
    told = rows.filter(asked & _LISTED)
    ratio = (pl.col("split_to") / pl.col("split_from")).product()
    counted = splits.filter(_LISTED & pl.col("flag").is_null())
    ratios = counted.group_by("ticker", pl.col(SPLITS.day).alias(DIVIDENDS.day)).agg(ratio.alias("ratio"))
    priced = told.join(_prices(told, DIVIDENDS, names, days), on=DIVIDENDS.key, how="left")
    close = pl.col("close_before") / pl.col("ratio").fill_null(1.0)
    valued = priced.join(ratios, on=["ticker", DIVIDENDS.day], how="left").with_columns(previous_close=close)
    return _together(rows, asked, valued.with_columns(flag=doubt_dividends()), DIVIDENDS)


_LISTED = pl.col("withdrawn_at").is_null()


def _together(rows: pl.DataFrame, asked: pl.Expr, judged: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    return pl.concat([rows.filter(~(asked & _LISTED)), judged.select(rows.columns)]).sort(shape.day, "ticker", "id")


def unlisted(splits: pl.DataFrame, names: Names, days: Days, dates: Interval) -> pl.DataFrame:
    """Nights of `dates` on which a price moved as in a split that is not in `splits` (see `jumps`)."""
    known = {(ticker, day) for _, _, ticker, day in _places(splits, SPLITS, names)}
    known |= {(one.ticker, one.first) for one in names.all()}  # another company's price
    found = [jumps(NO_DAYS)]
    for year in _years(dates):
        for table in islice(days(Interval(year.start - NEAR, year.end), None), 1):
            nights = jumps(table).filter(pl.col("session_date") >= year.start)
            places = nights.select("ticker", "session_date").iter_rows()
            found.append(nights.filter(pl.Series([place not in known for place in places], dtype=pl.Boolean)))
    return pl.concat(found)


def _prices(told: pl.DataFrame, shape: Shape, names: Names, days: Days) -> pl.DataFrame:
    """`close_before` and `open_on` of rows by id, a year at a time; from the next table where one has no price."""
    places = pl.DataFrame(_places(told, shape, names), schema=AROUND, orient="row")
    found = []
    for _, share in sorted(places.group_by(pl.col("day").dt.year())):
        first, last = share["day"].min(), share["day"].max()
        assert isinstance(first, date)
        assert isinstance(last, date)
        tickers = pl.concat([share["before"], share["on"]]).unique().to_list()
        left = share
        for table in days(Interval(first - NEAR, last + NEAR), tickers):
            priced = around(table, left)
            found.append(priced.filter(pl.col("close_before").is_not_null()))
            left = left.join(found[-1], on="id", how="anti")
            if left.is_empty():
                break
    nothing = pl.DataFrame(schema={"id": pl.String(), "close_before": pl.Float64(), "open_on": pl.Float64()})
    return pl.concat([nothing, *found])


def _places(rows: pl.DataFrame, shape: Shape, names: Names) -> list[tuple[str, str, str, date]]:
    """Each row's id, the tickers that its instrument bore before and on its day, and the day."""
    columns = rows.select(shape.key, "ticker", shape.day).iter_rows()
    return [(key, *tickers_around(names.spans(ticker, day), day), day) for key, ticker, day in columns]


def _years(dates: Interval) -> Iterator[Interval]:
    start = dates.start
    while start <= dates.end:
        end = min(date(start.year, 12, 31), dates.end)
        yield Interval(start, end)
        start = end + timedelta(days=1)
