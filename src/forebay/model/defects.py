"""What the vendor is known to have published wrong: which files, on which days, and what is done about it.

Sources: flat files, section 9; vendor README, section 5. Whether the vendor mended a file later is not known, so every
entry is about rows that look wrong, never about a file by its date alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

import polars as pl

from forebay.model.calendar import day_start
from forebay.model.catalogue import DATASETS, Dataset

_WINDOW = pl.col("window_start")
FIXED_COUNT = "repaired_"
"""Start of the evidence's word for how many rows a fix changed: `repaired_window_start_one_day_late`."""


class Treatment(StrEnum):
    """What is done about a defect."""

    FIXED = "fixed"
    """Put right on the way in; the change can be taken back."""
    NOTED = "noted"
    """Stored as published, and named where a check finds it."""


@dataclass(frozen=True, slots=True)
class TimeShift:
    """Rows of `day` whose `window_start` is `wrong` (UTC) and means `right`. Other rows are left alone."""

    day: date
    wrong: datetime
    right: datetime

    @property
    def back(self) -> TimeShift:
        """What takes it back."""
        return TimeShift(self.day, self.right, self.wrong)

    def apply(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """The rows with their right time, and how many were wrong."""
        fits = _WINDOW.eq(self.wrong) & pl.col("session_date").eq(self.day)
        count = int(rows.select(fits.sum()).item())
        if not count:
            return rows, 0
        shifted = pl.when(fits).then(pl.lit(self.right, rows.schema["window_start"])).otherwise(_WINDOW)
        return rows.with_columns(shifted.alias("window_start")), count


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is known to be wrong, on the session dates from `first` to `last`, both included."""

    name: str
    """Stable word for evidence and commands."""
    dataset: str
    first: date
    last: date
    effect: str
    """What a reader of the file sees, in a few words."""
    source: str
    """Where it is known from."""
    shows_as: tuple[str, ...] = ()
    """Checks of `forebay lake verify` that find it."""
    fix: TimeShift | None = None

    @property
    def treatment(self) -> Treatment:
        """Fixed where there is a fix."""
        return Treatment.FIXED if self.fix else Treatment.NOTED

    def on(self, day: date) -> bool:
        """Whether a session date is among its days."""
        return self.first <= day <= self.last

    def patch(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """The rows put right, and how many were wrong; without a fix the rows as they are."""
        return self.fix.apply(rows) if self.fix else (rows, 0)

    def unpatch(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """The rows as they were published, and how many were changed back."""
        return self.fix.back.apply(rows) if self.fix else (rows, 0)


def _fixed() -> tuple[Defect, ...]:
    stocks, options = DATASETS["us_stocks_sip/day_aggs_v1"], DATASETS["us_options_opra/day_aggs_v1"]
    late, lost = date(2019, 8, 12), date(2025, 2, 10)
    return (
        Defect(
            "window_start_one_day_late",
            stocks.name,
            late,
            late,
            "window_start of every row is one day late",
            "flat files 9; README 5, row 7",
            fix=TimeShift(late, day_start(stocks, late + timedelta(days=1)), day_start(stocks, late)),
        ),
        Defect(
            "window_start_before_1970",
            options.name,
            lost,
            lost,
            "window_start of every row is -68400 s",
            "flat files 9; README 5, row 6",
            fix=TimeShift(lost, datetime(1970, 1, 1, tzinfo=UTC) - timedelta(seconds=68_400), day_start(options, lost)),
        ),
    )


def _noted() -> tuple[Defect, ...]:
    minutes, trades, options = "us_stocks_sip/minute_aggs_v1", "us_stocks_sip/trades_v1", "us_options_opra/trades_v1"
    return (
        Defect(
            "published_days_late",
            minutes,
            date(2025, 8, 7),
            date(2025, 8, 8),
            "the file came days after its hour",
            "flat files 9; README 5, row 4",
            ("missing",),
        ),
        Defect(
            "closing_minute_missing",
            minutes,
            date(2025, 1, 1),
            date(2025, 2, 28),
            "some 40 tickers a day lack their closing minute",
            "flat files 9; README 5, row 8",
            ("closing_minute", "volume"),
        ),
        Defect(
            "trade_sizes_wrong",
            trades,
            date(2015, 1, 6),
            date(2015, 1, 7),
            "impossible sizes of 33 to 49",
            "flat files 9; README 5, row 9",
            ("trades",),
        ),
        Defect(
            "object_missing",
            options,
            date(2018, 10, 12),
            date(2018, 10, 12),
            "the vendor has no such object",
            "flat files 9; README 5, row 10",
            ("missing",),
        ),
        Defect(
            "cut_off_before_close",
            options,
            date(2024, 6, 10),
            date(2024, 6, 21),
            "the largest roots end about 15:32 New York time",
            "flat files 9; README 5, row 10 (mid-June, days not named)",
            ("band", "trades"),
        ),
    )


DEFECTS: Mapping[str, Defect] = MappingProxyType({defect.name: defect for defect in (*_fixed(), *_noted())})
"""Every known defect by name. A fault that a fix could mend, in a file that is not listed here, refuses the file."""


def defects_of(dataset: Dataset) -> list[Defect]:
    """The known defects of a dataset's files that are put right on the way in."""
    return [each for each in DEFECTS.values() if each.dataset == dataset.name and each.fix]


def known_defects(dataset: Dataset, day: date) -> list[Defect]:
    """What is known to be wrong with a dataset's file of a day."""
    return [each for each in DEFECTS.values() if each.dataset == dataset.name and each.on(day)]
