"""What a row must be to enter the lake: checks over whole tables, and the split into good rows and bad ones.

Sources: flat files, section 8 (sanity rules), vendor README, section 5 (row 16: tickers with control bytes).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

import polars as pl

from forebay.errors import CheckFailed
from forebay.model.calendar import day_start
from forebay.model.catalogue import BAR_DATASETS, Dataset, Kind
from forebay.model.instrument import PREFIX_OF, AssetClass
from forebay.model.rows import BAD_ROWS, BAR_ROWS

MOST_BAD = 0.01
"""Share of a file's rows that may be bad; above it, the file itself is not believed."""
FEWEST_BAD = 3
"""A file is never refused for fewer bad rows than this."""

_MINUTE_US = 60_000_000
_EMPTY_OR_CONTROL = r"^$|[\x00-\x1f\x7f]"
_ANY_PREFIX = f"^(?:{'|'.join(PREFIX_OF.values())})"
_PRICES = ("open", "high", "low", "close")
_OPTIONAL = ("volume", "vwap", "transactions")


NO_BAD_ROWS = pl.DataFrame(schema=BAD_ROWS)
"""A table of them without any."""


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

    A row gets the reason of the first check it fails. Uniqueness needs the whole file: see `split_twins`.
    """
    days = rows.get_column("session_date")
    day = days[0] if rows.height and days[0] is not None and days[0] == days.min() == days.max() else None
    if rows.select(_suspicion(dataset.table, day)).item() is False:
        return Checked(rows, NO_BAD_ROWS)
    checks = _checks(dataset.table, day)
    reason = pl.coalesce(pl.when(failed).then(pl.lit(name)) for name, failed in checks.items())
    told = rows.with_columns(reason.alias("reason"), pl.lit(None, pl.String()).alias("text"))
    bad = pl.col("reason").is_not_null()
    return Checked(told.filter(~bad).select(rows.columns), told.filter(bad).select(BAD_ROWS.names()))


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


@lru_cache(maxsize=64)
def _suspicion(table: str, day: date | None) -> pl.Expr:
    """Whether any row fails any check, as cheap as it gets: of a run of equal tickers only the first is looked at."""
    checks = _checks(table, day)
    ticker = pl.col("ticker")
    heads = ticker.filter(ticker.ne_missing(ticker.shift(1)))
    rest = [failed.any() for name, failed in checks.items() if name not in ("ticker", "missing_value")]
    missing = [pl.col(name).null_count() > 0 for name in BAR_ROWS if name not in _OPTIONAL]
    return pl.any_horizontal(*missing, _is_no_ticker(heads, BAR_DATASETS[table]).any(), *rest)


@lru_cache(maxsize=64)
def _checks(table: str, day: date | None) -> dict[str, pl.Expr]:
    """Check name to the rows that fail it, in the order of blame. `day` is None for rows of several dates."""
    dataset = BAR_DATASETS[table]
    low, high, volume = pl.col("low"), pl.col("high"), pl.col("volume")
    above_zero = pl.lit(value=True) if dataset.asset_class is AssetClass.INDICES else low > 0
    inside = [pl.col(name).is_between(low, high) for name in ("open", "close")]
    checks = {
        "missing_value": pl.any_horizontal(pl.col(name).is_null() for name in BAR_ROWS if name not in _OPTIONAL),
        "ticker": _is_no_ticker(pl.col("ticker"), dataset),
        "outside_session_date": ~_within_session(dataset, day),
        "price": ~(low.is_finite() & high.is_finite() & above_zero),
        "low_high": ~pl.all_horizontal(inside),
        "volume": ~((volume >= 0) & volume.is_finite()),
        "vwap": ~pl.col("vwap").is_finite(),
        "transactions": pl.col("transactions") < 0,
    }
    if dataset.kind is Kind.BARS_1M:
        checks["whole_minute"] = pl.col("window_start").dt.timestamp("us") % _MINUTE_US != 0
    return checks


def _is_no_ticker(ticker: pl.Expr, dataset: Dataset) -> pl.Expr:
    """Whether it is empty, holds control bytes, or has the prefix of another asset class."""
    prefix = PREFIX_OF.get(dataset.asset_class)
    wrong_class = ~ticker.str.starts_with(prefix) if prefix else ticker.str.contains(_ANY_PREFIX)
    return wrong_class | ticker.str.contains(_EMPTY_OR_CONTROL)


def _within_session(dataset: Dataset, day: date | None) -> pl.Expr:
    window = pl.col("window_start")
    if day is None:
        return window.dt.convert_time_zone(dataset.timezone).dt.date() == pl.col("session_date")
    first, after = day_start(dataset, day), day_start(dataset, day + timedelta(days=1))
    return (window >= first) & (window < after)
