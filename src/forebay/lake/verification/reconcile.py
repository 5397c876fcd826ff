"""Day bars against the minute bars of the same session, and against what REST says: which tickers differ.

Sources: conditions, section 3 (prices from the regular session, volume from all of it, a minute needs a price), flat
files, section 8 (volumes differ slightly where trades were reported late).
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from forebay.model.calendar import session

LATE = 0.02
"""Share of a day's volume or trades that late reports may leave apart."""
_FEWEST_TRADES = 100
"""Of a day: below, one trade more or less that sets no price is too much of all."""
_UNUSUAL, _DEVIATIONS = 0.1, 6.0
"""A share of trades that lacks is out of the usual by so much, and by so many standard deviations of a count."""
_MOST_LACKING = 0.5
"""Of a ticker's volume; and of its trades, where their usual share is not known."""
_FEWEST_SESSIONS = 4
"""From which a usual share is told."""
_NEAR = 1e-9
"""Of a price: the same number, however it was written."""
_LACKS_TRADES = 1 - pl.col("transactions_minutes") / pl.col("transactions")
_LAST_MINUTES = 2
"""The closing auction prints at the close itself or in the minute before it."""
_MINUTE = timedelta(minutes=1)


def lacking_close(minutes: pl.DataFrame, days: pl.DataFrame, day: date) -> pl.DataFrame:
    """Stocks without a bar in the closing minute whose day bar closes at a price that their last minutes never reached.

    A close that was corrected later is no such case: the minute is there, at another price. Both tables are BAR_ROWS
    of one New York session date. Returns `ticker`, `day_close`, `last_minute` (UTC, null without any regular minute),
    `minute_low` and `minute_high` (of the last two minutes), sorted by ticker. Such days
    are known of early 2025 (vendor README, section 5, row 8).
    """
    bounds = session("XNYS", day)
    regular = minutes.filter(pl.col("window_start").is_between(bounds.regular_opens, bounds.regular_closes))
    last = (
        regular.sort("ticker", "window_start")
        .group_by("ticker", maintain_order=True)
        .tail(_LAST_MINUTES)
        .group_by("ticker")
        .agg(
            pl.col("window_start").max().alias("last_minute"),
            pl.col("low").min().alias("minute_low"),
            pl.col("high").max().alias("minute_high"),
        )
    )
    closes = days.select("ticker", pl.col("close").alias("day_close"))
    reached = pl.col("day_close").is_between(pl.col("minute_low"), pl.col("minute_high")).fill_null(value=False)
    ended_early = (pl.col("last_minute") < bounds.regular_closes - _MINUTE).fill_null(value=True)
    return closes.join(last, on="ticker", how="left").filter(~reached & ended_early).sort("ticker")


def may_lack_close(totals: pl.DataFrame, day: date) -> list[str]:
    """The tickers worth asking `lacking_close` about, by the totals of one session: their last minute is early."""
    early = pl.col("last_minute") < session("XNYS", day).regular_closes - _MINUTE
    return totals.filter(early.fill_null(value=True))["ticker"].to_list()


def usual_lack(minutes: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Which share of a ticker's trades its minutes usually lack: `ticker`, `usual`, the median over sessions of both.

    A minute in which no trade set a price has no bar: odd lots and blocks of such minutes are in the day bar alone.
    That share is the ticker's own and hardly changes. Tickers of fewer than four busy sessions are left out.
    """
    both = days.join(minutes, on=["session_date", "ticker"], suffix="_minutes")
    busy = both.filter(pl.col("transactions") >= _FEWEST_TRADES)
    told = busy.group_by("ticker").agg(_LACKS_TRADES.median().alias("usual"), pl.len().alias("sessions"))
    return told.filter(pl.col("sessions") >= _FEWEST_SESSIONS).select("ticker", "usual")


def other_volume(minutes: pl.DataFrame, days: pl.DataFrame, usual: pl.DataFrame | None) -> pl.DataFrame:
    """Tickers whose minutes hold more than their day, or less than trades without a price explain.

    Both are totals of one session (see `verify_totals`). `usual` is what `usual_lack` says; None for classes in which
    every trade sets a price, where the sums agree. Returns `ticker`, `minutes`, `day` (volumes), sorted.
    """
    both = days.join(minutes, on="ticker", suffix="_minutes")
    volume, trades = pl.col("volume"), pl.col("transactions")
    lacks = volume - pl.col("volume_minutes")
    apart = (lacks < -LATE * volume) | (trades - pl.col("transactions_minutes") < -LATE * trades - 1)
    if usual is None:
        apart |= lacks > LATE * volume
    else:
        both = both.join(usual, on="ticker", how="left")
        noise = _DEVIATIONS * (0.25 / trades).sqrt()
        unusual = pl.col("usual") + pl.max_horizontal(pl.lit(_UNUSUAL), noise)
        lacking = _LACKS_TRADES.gt(unusual.fill_null(_MOST_LACKING))
        busy = trades >= _FEWEST_TRADES
        apart |= (lacks > LATE * volume) & ((busy & lacking) | (_LACKS_TRADES == 0))
        apart |= (lacks > _MOST_LACKING * volume) & busy
    found = both.filter(apart.fill_null(value=False)).sort("ticker")
    return found.select("ticker", pl.col("volume_minutes").alias("minutes"), volume.alias("day"))


def other_prices(minutes: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Tickers whose day bar cannot have the prices of its regular minutes; `field` is the first such price.

    No minute before the close goes beyond the day's high and low, and the day opens in the range of the first one. A
    day may go beyond its minutes: some trades set a high or low and no open, and alone in their minute make no bar.
    """
    both = days.join(minutes, on="ticker", suffix="_minutes")
    near = _NEAR * pl.col("high")
    apart = {
        "high": pl.col("high_inside") > pl.col("high") + near,
        "low": pl.col("low_inside") < pl.col("low") - near,
        "open": ~_between("open", "open_low", "open_high"),
    }
    field = pl.coalesce(pl.when(wrong.fill_null(value=False)).then(pl.lit(name)) for name, wrong in apart.items())
    return both.select("ticker", field.alias("field")).drop_nulls().sort("ticker")


def on_one_side(minutes: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Tickers with a day bar and no minute, or minutes before the regular close and no day bar: `ticker`, `has`."""
    regular = minutes.filter(pl.col("high_inside").is_not_null())
    only_days = days.join(minutes, on="ticker", how="anti").select("ticker", pl.lit("a day bar alone").alias("has"))
    only_minutes = regular.join(days, on="ticker", how="anti").select("ticker", pl.lit("minutes alone").alias("has"))
    return pl.concat([only_days, only_minutes]).sort("ticker")


def other_than_grouped(days: pl.DataFrame, grouped: pl.DataFrame, *, whole: bool) -> pl.DataFrame:
    """Tickers whose day bar is not as in the vendor's grouped daily: `ticker`, `field` (`ticker`: on one side only).

    Prices are equal, volume and transactions but for late reports. A session is told by its date alone. Tickers that
    the lake lacks count only where it holds the `whole` market.
    """
    both = days.join(grouped, on="ticker", suffix="_grouped")
    apart = {name: ~_between(name, f"{name}_grouped", f"{name}_grouped") for name in ("open", "high", "low", "close")}
    for name in ("volume", "transactions"):
        apart[name] = (pl.col(name) - pl.col(f"{name}_grouped")).abs() > LATE * pl.col(name)
    field = pl.coalesce(pl.when(wrong.fill_null(value=False)).then(pl.lit(name)) for name, wrong in apart.items())
    sides = [days.join(grouped, on="ticker", how="anti")]
    if whole:
        sides.append(grouped.join(days, on="ticker", how="anti"))
    lone = [side.select("ticker", pl.lit("ticker").alias("field")) for side in sides]
    return pl.concat([both.select("ticker", field.alias("field")).drop_nulls(), *lone]).sort("ticker")


def _between(name: str, low: str, high: str) -> pl.Expr:
    price = pl.col(name)
    return price.is_between(pl.col(low) - _NEAR * price.abs(), pl.col(high) + _NEAR * price.abs())
