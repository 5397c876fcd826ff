"""What may enter the lake: the checks over whole tables, and the split into good rows and bad ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import polars as pl

from forebay.errors import CheckFailed
from forebay.lake.intake.checks import checks_of, is_no_ticker, required
from forebay.model.catalogue import Dataset
from forebay.model.rows import bad_schema

MOST_BAD = 0.01
"""Share of a file's rows that may be bad; above it, the file itself is not believed."""
FEWEST_BAD = 3
"""A file is never refused for fewer bad rows than this."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows apart: `good` in the columns they came in, `bad` in those of `bad_schema`, each with its reason."""

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
    """Split rows (columns of `plain_schema`) of one or more session dates by the checks of a single row.

    A row gets the reason of the first check it fails. Uniqueness needs the whole file: see `split_twins`.
    """
    days = rows.get_column("session_date")
    day = days[0] if rows.height and days[0] is not None and days[0] == days.min() == days.max() else None
    gaps = any(rows.get_column(name).null_count() for name in required(dataset))
    if not gaps and rows.select(_suspicion(dataset, day)).item() is False:
        return Checked(rows, no_bad_rows(dataset))
    checks = checks_of(dataset, day)
    reason = pl.coalesce(pl.when(failed).then(pl.lit(name)) for name, failed in checks.items())
    told = rows.with_columns(reason.alias("reason"), pl.lit(None, pl.String()).alias("text"))
    bad = pl.col("reason").is_not_null()
    return Checked(told.filter(~bad).select(rows.columns), told.filter(bad).select(bad_schema(dataset).names()))


@lru_cache(maxsize=64)
def no_bad_rows(dataset: Dataset) -> pl.DataFrame:
    """A table of bad rows without any."""
    return pl.DataFrame(schema=bad_schema(dataset))


def split_twins(rows: pl.DataFrame, dataset: Dataset) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Sort bars by (ticker bytes, time), one row a key: kept rows, conflicting ones (`bad_schema`), copies dropped.

    Rows that agree in everything are one row; rows that share a key and differ are all bad.
    """
    unique = rows.unique(maintain_order=False)
    twins = pl.struct("ticker", "window_start").is_duplicated()
    ordered = unique.sort("ticker", "window_start")
    told = ordered.filter(twins)
    bad = told.with_columns(pl.lit("conflicting_rows").alias("reason"), pl.lit(None, pl.String()).alias("text"))
    kept = ordered.filter(~twins) if told.height else ordered
    return kept, bad.select(bad_schema(dataset).names()), rows.height - unique.height


@lru_cache(maxsize=64)
def _suspicion(dataset: Dataset, day: date | None) -> pl.Expr:
    """Whether any row without gaps fails any check, cheaply: of a run of equal tickers only the first is looked at."""
    ticker = pl.col("ticker")
    heads = ticker.filter(ticker.ne_missing(ticker.shift(1)))
    rest = [failed.any() for name, failed in checks_of(dataset, day).items() if name not in ("ticker", "missing_value")]
    return pl.any_horizontal(is_no_ticker(heads, dataset).any(), *rest)
