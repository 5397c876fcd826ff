"""Flat files that are known to be published wrong, and how each is put right. Source: flat files, section 9."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

import polars as pl

from forebay.model.calendar import day_start
from forebay.model.catalogue import DATASETS, Dataset

_WINDOW = pl.col("window_start")


@dataclass(frozen=True, slots=True)
class Defect:
    """Rows of one session date whose `window_start` is `wrong` (UTC) and means `right`. Other rows are left alone."""

    dataset: str
    day: date
    wrong: datetime
    right: datetime
    name: str
    """Stable word for evidence: which defect was put right."""

    def patch(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """The rows with their right time, and how many were wrong."""
        return self._shift(rows, self.wrong, self.right)

    def unpatch(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """The rows as they were published, and how many were changed back."""
        return self._shift(rows, self.right, self.wrong)

    def _shift(self, rows: pl.DataFrame, old: datetime, new: datetime) -> tuple[pl.DataFrame, int]:
        fits = _WINDOW.eq(old) & pl.col("session_date").eq(self.day)
        count = int(rows.select(fits.sum()).item())
        if not count:
            return rows, 0
        kind = rows.schema["window_start"]
        return rows.with_columns(pl.when(fits).then(pl.lit(new, kind)).otherwise(_WINDOW).alias("window_start")), count


def _defects() -> Mapping[tuple[str, date], Defect]:
    stocks, options = DATASETS["us_stocks_sip/day_aggs_v1"], DATASETS["us_options_opra/day_aggs_v1"]
    late, lost = date(2019, 8, 12), date(2025, 2, 10)
    listed = (
        Defect(
            stocks.name,
            late,
            wrong=day_start(stocks, late + timedelta(days=1)),
            right=day_start(stocks, late),
            name="window_start_one_day_late",
        ),
        Defect(
            options.name,
            lost,
            wrong=datetime(1970, 1, 1, tzinfo=UTC) - timedelta(seconds=68_400),
            right=day_start(options, lost),
            name="window_start_before_1970",
        ),
    )
    return MappingProxyType({(defect.dataset, defect.day): defect for defect in listed})


DEFECTS = _defects()
"""Every known defect by (dataset name, session date). A file with such a fault that is not listed here is refused."""


def defects_of(dataset: Dataset) -> list[Defect]:
    """The known defects of a dataset's files."""
    return [defect for defect in DEFECTS.values() if defect.dataset == dataset.name]
