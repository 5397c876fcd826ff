"""How a question for bars is answered: rows of the lake, the hours asked for, adjusted, made larger, filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from forebay.bars.filling import check_fill, filled
from forebay.bars.resample import resample
from forebay.bars.sessions import Hours, hours_named, within
from forebay.bars.windows import Window, window_named
from forebay.lake.log.versions import AsOf
from forebay.lake.reading.tables import Selection, Tables
from forebay.model.catalogue import Dataset, Kind
from forebay.model.intervals import Interval

Adjust = Callable[[pl.LazyFrame], pl.LazyFrame]
"""Bars, sorted, with each one's session date, to the same in other shares."""
_ONE_MINUTE = Window(1, "m")


@dataclass(frozen=True, slots=True)
class BarQuestion:
    """Bars of one size on some session dates."""

    window: Window
    dates: Interval
    """Widened to whole windows: a week that is asked for in part is answered whole, as the vendor does."""
    hours: Hours
    fill: bool

    @classmethod
    def of(cls, timeframe: str, dates: Interval, session: str, fill: str | None) -> BarQuestion:
        """A question as a person words it. Raises UsageError for words that are not known or not possible together."""
        window = window_named(timeframe)
        check_fill(fill, window)
        return cls(window, window.widened(dates), hours_named(session), fill is not None)

    @property
    def kind(self) -> Kind:
        """What the bars are made of: the vendor's day bars tell of all hours, so that others are made of minutes."""
        return Kind.BARS_1D if self.window.of_days and self.hours is Hours.ALL else Kind.BARS_1M

    def select(self, tables: Tables, dataset: Dataset, tickers: Sequence[str] | None, as_of: AsOf | None) -> Selection:
        """The files that may hold what bars of tickers (None: all) are made of. Raises LakeError."""
        return tables.select(dataset, self.dates, tickers, as_of)

    def bars(self, found: Selection, adjust: Adjust | None) -> pl.LazyFrame:
        """The bars, from such files, sorted by ticker and time. Raises UsageError for hours that the class has not."""
        bars = within(found.rows(), self.hours, found.dataset, found.span)
        if adjust and self._across_days:
            return self._resampled(adjust(bars), found.dataset)
        larger = self._resampled(bars, found.dataset)
        return self._filled(adjust(larger) if adjust else larger, found)

    @property
    def _across_days(self) -> bool:
        """Whether a bar holds several session dates, whose shares may differ."""
        return self.window.of_days and not self.window.of_one_day

    def _resampled(self, bars: pl.LazyFrame, dataset: Dataset) -> pl.LazyFrame:
        as_stored = Window(1, "d") if dataset.kind is Kind.BARS_1D else _ONE_MINUTE
        return bars if self.window == as_stored else resample(bars, self.window, dataset.timezone)

    def _filled(self, bars: pl.LazyFrame, found: Selection) -> pl.LazyFrame:
        return filled(bars, self.window, self.hours, found.dataset, found.span) if self.fill else bars
