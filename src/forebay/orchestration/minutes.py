"""Minute bars against day bars, symbol by symbol: which sessions lack minutes that were traded.

Source: conditions, section 3 (a minute in which no trade sets a price has no bar; its trades count in the day bar).
"""

from __future__ import annotations

import polars as pl

KEY = ["ticker", "session_date"]
SESSIONS = pl.Schema({"ticker": pl.String(), "session_date": pl.Date(), "minutes": pl.Int64(), "traded": pl.Int64()})
"""Minute bars of a session, and the trades in them: null where the vendor did not count those of every minute."""
TRADED = pl.Schema({"ticker": pl.String(), "session_date": pl.Date(), "traded_day": pl.Int64()})
"""Trades of a session by its day bar: null where the vendor did not count them."""
_DEVIATIONS = 6.0
"""A session is told when it lacks so many standard deviations more than the symbol's sessions do."""
_HARDLY, _BUSY_FLOOR = 0.005, 0.1
"""Where more than so many of a symbol's trades usually lack, how many do varies from day to day by so much."""
_SIGMA_OF_MAD = 1.4826
"""The standard deviation of a normal distribution, in its median absolute deviations."""
_USUAL_PART = 0.75
"""Of a symbol's sessions, those that lack least: the others may be gaps, and do not say what is usual."""


def sums(minutes: pl.LazyFrame) -> pl.DataFrame:
    """Rows of minute bars as SESSIONS, sorted. Memory: a row for each symbol and session."""
    counted = pl.col("transactions").null_count() == 0
    traded = pl.when(counted).then(pl.col("transactions").sum()).alias("traded")
    told = minutes.group_by(KEY).agg(pl.len().cast(pl.Int64).alias("minutes"), traded)
    return told.select(SESSIONS.names()).collect(engine="streaming").sort(KEY)


def day_trades(days: pl.LazyFrame) -> pl.DataFrame:
    """Rows of day bars as TRADED, sorted; those without a trade are left out, as a halted symbol's without volume.

    An index has neither trades nor volume: its day bar says that it was calculated.
    """
    uncounted = pl.col("transactions").is_null() & (pl.col("volume").is_null() | (pl.col("volume") > 0))
    told = days.filter(uncounted | (pl.col("transactions") > 0)).select(
        *KEY, pl.col("transactions").alias("traded_day")
    )
    return told.collect(engine="streaming").sort(KEY)


def lacking(minutes: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """The sessions whose day bar (TRADED) has trades that none of its minutes (SESSIONS) has, beyond what is usual.

    Some trades set no price; in a minute of such trades alone there is no bar. Which share of trades that is differs
    by symbol: what the sessions given here lack of theirs says what is usual, and how much it varies. Of a symbol whose
    every minute has a bar a single minute is told; of one whose trades are mostly odd lots an hour or so. Give a month
    or more. Where trades were not counted, a session without any minute is told and no other.
    Columns KEY, `minutes` and `traded` (0 where no minute is held), `traded_day`, `usual` (trades that lack on such a
    day), `per_minute` (trades of a usual minute); sorted.
    """
    none_held = pl.col("minutes").is_null()
    both = days.join(minutes, on=KEY, how="left").with_columns(
        pl.col("minutes").fill_null(0), pl.when(none_held).then(0).otherwise(pl.col("traded")).alias("traded")
    )
    shares = both.with_columns((1 - pl.col("traded") / pl.col("traded_day")).alias("share"))
    told = shares.join(_usual(shares), on="ticker")
    noise = pl.max_horizontal(
        (pl.col("rate") * (1 - pl.col("rate")) / pl.col("traded_day")).sqrt(), _SIGMA_OF_MAD * pl.col("spread")
    )
    floor = pl.when(pl.col("rate") > _HARDLY).then(_BUSY_FLOOR).otherwise(0.0)
    unusual = pl.col("share") > pl.col("rate") + pl.max_horizontal(_DEVIATIONS * noise, floor)
    found = told.filter(unusual | (pl.col("minutes") == 0))
    usual = (pl.col("rate") * pl.col("traded_day")).alias("usual")
    return found.select(*KEY, "minutes", "traded", "traded_day", usual, "per_minute").sort(KEY)


def _usual(sessions: pl.DataFrame) -> pl.DataFrame:
    """By ticker: `rate`, the share of trades that usually lacks, its `spread` over sessions, trades `per_minute`.

    Sessions without any minute say nothing of it. One trade more is counted as lacking than does: that none ever
    lacked does not prove that none can.
    """
    held = sessions.filter(pl.col("minutes") > 0, pl.col("share").is_not_null())
    rank = pl.col("share").rank("ordinal").over("ticker")
    usual = held.filter(rank <= (_USUAL_PART * pl.len().over("ticker")).floor().clip(1))
    lacks, traded = (pl.col("traded_day") - pl.col("traded")).clip(0).sum(), pl.col("traded_day").sum()
    spread = (pl.col("share") - pl.col("share").median()).abs().median()
    told = usual.group_by("ticker").agg(
        ((lacks + 1) / (traded + 2)).alias("rate"),
        spread.alias("spread"),
        (pl.col("traded").sum() / pl.col("minutes").sum()).alias("per_minute"),
    )
    everyone = sessions.select(pl.col("ticker").unique())
    return everyone.join(told, on="ticker", how="left").with_columns(
        pl.col("rate").fill_null(0.5), pl.col("spread").fill_null(0.0), pl.col("per_minute").fill_null(1.0)
    )


def silences(minutes: pl.DataFrame, hours: pl.DataFrame) -> pl.DataFrame:
    """The longest run of minutes without a bar in the regular hours of each session: KEY, `first`, `last` (UTC).

    `minutes` has KEY and `window_start`; `hours` has KEY, `opens` and `closes`, a row for each session that is asked
    about. A session with no quiet minute has no row.
    """
    bounds = pl.concat(
        [
            hours.select(*KEY, (pl.col("opens") - pl.duration(minutes=1)).alias("window_start")),
            hours.select(*KEY, pl.col("closes").alias("window_start")),
        ]
    )
    inside = minutes.join(hours, on=KEY).filter(
        pl.col("window_start") >= pl.col("opens"), pl.col("window_start") < pl.col("closes")
    )
    marks = pl.concat([bounds, inside.select(*KEY, "window_start")]).unique().sort(*KEY, "window_start")
    before = pl.col("window_start").shift(1).over(KEY)
    apart = marks.with_columns(
        (before + pl.duration(minutes=1)).alias("first"),
        (pl.col("window_start") - pl.duration(minutes=1)).alias("last"),
    )
    quiet = apart.filter(pl.col("first") <= pl.col("last"))
    longest = (pl.col("last") - pl.col("first")).arg_max()
    return quiet.group_by(KEY).agg(pl.col("first", "last").get(longest)).sort(KEY)
