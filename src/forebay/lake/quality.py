"""What a row must be to enter the lake: checks over whole tables, and the split into good rows and bad ones.

Sources: flat files, section 8 (sanity rules), vendor README, section 5 (row 16: tickers with control bytes).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from forebay.errors import CheckFailed
from forebay.model.calendar import day_start
from forebay.model.catalogue import Dataset, Kind
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.rows import BAD_ROWS, BAR_ROWS

MOST_BAD = 0.01
"""Share of a file's rows that may be bad; above it, the file itself is not believed."""
FEWEST_BAD = 3
"""A file is never refused for fewer bad rows than this."""

_MINUTE_US = 60_000_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PRICES = ("open", "high", "low", "close")
_OPTIONAL = ("volume", "vwap", "transactions")


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows apart: `good` in BAR_ROWS columns, `bad` in those of BAD_ROWS, each with its reason."""

    good: pl.DataFrame
    bad: pl.DataFrame


@dataclass
class Tally:
    """Counts over a whole file. Refuses it when too much of it is bad."""

    rows: int = 0
    """Rows seen, bad ones and repeated ones included."""
    bad: Counter[str] = field(default_factory=Counter)
    """Bad rows by check."""
    repeated: int = 0
    """Identical copies of a row that were dropped."""

    def refuse_if_rotten(self, name: str) -> None:
        """Raise CheckFailed when more than MOST_BAD of the rows, and at least FEWEST_BAD, are bad."""
        bad = self.bad.total()
        if bad >= FEWEST_BAD and bad > MOST_BAD * self.rows:
            causes = ", ".join(f"{check} ({count})" for check, count in self.bad.most_common())
            raise CheckFailed(
                f"{name}: {bad} of {self.rows} rows are bad: {causes}",
                remedy="nothing of it was stored; its rows are in quarantine with a reason each",
            )


def check_rows(rows: pl.DataFrame, dataset: Dataset) -> Checked:
    """Split bars (BAR_ROWS columns) of one or more session dates by the checks of a single row.

    A row gets the reason of the first check it fails. Uniqueness needs the whole file: see `settle`.
    """
    checks = _checks(rows, dataset)
    failed = rows.select(expression.any().alias(name) for name, expression in checks.items()).row(0)
    if not any(failed):
        return Checked(rows, pl.DataFrame(schema=BAD_ROWS))
    reason = pl.coalesce(pl.when(expression).then(pl.lit(name)) for name, expression in checks.items())
    told = rows.with_columns(reason.alias("reason"))
    bad = told.filter(pl.col("reason").is_not_null()).with_columns(pl.lit(None, pl.String()).alias("text"))
    return Checked(rows.filter(told["reason"].is_null()), bad.select(BAD_ROWS.names()))


def split_twins(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Sort by (ticker bytes, time) and make keys unique: kept rows, conflicting rows (BAD_ROWS), copies dropped.

    Rows that agree in everything are one row; rows that share a key and differ are all bad.
    """
    unique = rows.unique(maintain_order=False)
    twins = pl.struct("ticker", "window_start").is_duplicated()
    ordered = unique.sort("ticker", "window_start")
    told = ordered.filter(twins)
    bad = told.with_columns(pl.lit("conflicting_rows").alias("reason"), pl.lit(None, pl.String()).alias("text"))
    kept = ordered.filter(~twins) if told.height else ordered
    return kept, bad.select(BAD_ROWS.names()), rows.height - unique.height


def _checks(rows: pl.DataFrame, dataset: Dataset) -> dict[str, pl.Expr]:
    """Check name to the rows that fail it, in the order of blame."""
    low, high, window = pl.col("low"), pl.col("high"), pl.col("window_start")
    above_zero = pl.lit(value=True) if dataset.asset_class is AssetClass.INDICES else low > 0
    inside = [pl.col(name).is_between(low, high) for name in ("open", "close")]
    checks = {
        "missing_value": pl.any_horizontal(pl.col(n).is_null() for n in BAR_ROWS if n not in _OPTIONAL),
        "ticker": pl.col("ticker").is_in(_bad_tickers(rows, dataset)),
        "outside_session_date": ~_within_session(rows, dataset),
        "price": ~(low.is_finite() & high.is_finite() & above_zero),
        "low_high": ~pl.all_horizontal(inside),
        "volume": ~((pl.col("volume") >= 0) & pl.col("volume").is_finite()),
        "vwap": ~pl.col("vwap").is_finite(),
        "transactions": pl.col("transactions") < 0,
    }
    if dataset.kind is Kind.BARS_1M:
        checks["whole_minute"] = window.dt.timestamp("us") % _MINUTE_US != 0
    return checks


def _bad_tickers(rows: pl.DataFrame, dataset: Dataset) -> list[str]:
    """Tickers that cannot be of this asset class. Looks once at each run of equal tickers: files are sorted."""
    ticker = rows.get_column("ticker")
    heads = ticker.filter(ticker.ne_missing(ticker.shift(1)))
    names = {ticker[0], *heads.drop_nulls()} if rows.height else set()
    return [n for n in names if not n or _CONTROL.search(n) or asset_class_of(n) is not dataset.asset_class]


def _within_session(rows: pl.DataFrame, dataset: Dataset) -> pl.Expr:
    window, stamp = pl.col("window_start"), pl.col("session_date")
    days: list[date] = [day for day in rows.get_column("session_date").unique() if day is not None]
    if len(days) == 1:
        first, after = day_start(dataset, days[0]), day_start(dataset, days[0] + timedelta(days=1))
        return (window >= first) & (window < after)
    return window.dt.convert_time_zone(dataset.timezone).dt.date() == stamp
