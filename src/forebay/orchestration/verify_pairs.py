"""The minute bars of a session against its day bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from forebay.lake.verification.reconcile import (
    lacking_close,
    may_lack_close,
    on_one_side,
    other_prices,
    other_volume,
    usual_lack,
)
from forebay.lake.verification.scores import MOST_NAMED, Check, Reason
from forebay.lake.verification.verify import Sessions, TableReader
from forebay.model.instrument import AssetClass
from forebay.orchestration.reconcile import is_suspicious
from forebay.orchestration.remedies import repair, sync

TOLERATED_SHARE = 0.002
"""Of a session's tickers: so few may differ on any day, by late reports and corrections after the close."""
_SHOWN = 5
"""Tickers that a reason names in its text."""
_WITH_BLOCKS = (AssetClass.STOCKS, AssetClass.OPTIONS)
"""Classes in which some trades count for volume and set no price."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The minutes and the day bars of the same few sessions of an asset class."""

    reader: TableReader
    """Of the minutes."""
    minutes: Sessions
    days: Sessions
    usual: pl.DataFrame | None
    """See `usual_lack`."""

    @classmethod
    def of(cls, reader: TableReader, minutes: Sessions, days: Sessions) -> Pair:
        """With what the tickers' minutes usually lack over these sessions."""
        lacking = reader.dataset.asset_class in _WITH_BLOCKS and minutes.totals.width and days.totals.width
        usual = usual_lack(minutes.totals, days.totals) if lacking else None
        return cls(reader, minutes, days, usual)

    def reasons(self, day: date) -> Iterator[Reason]:
        """What is said against the minute bars of a session by its day bars; nothing where one of them is not held."""
        minutes, days = self.minutes.of(day), self.days.of(day)
        if not minutes.height or not days.height or self.days.is_damaged(day):
            return
        stocks = self.reader.dataset.asset_class is AssetClass.STOCKS
        found = {
            Check.VOLUME: _volumes(other_volume(minutes, days, self.usual)),
            Check.PRICES: _prices(other_prices(minutes, days)),
        }
        if minutes["from_file"].sum() and days["from_file"].sum():
            found[Check.ONE_SIDED] = dict(on_one_side(minutes, days).iter_rows())
        for check, apart in found.items():
            if apart:
                table = self.reader.dataset.table
                remedy = repair(day, sorted(apart)) if stocks else sync(table, day)
                yield differing(check, apart, days.height, remedy)
        if stocks:
            yield from _closing(self.reader, minutes, days, day)


def differing(check: Check, apart: dict[str, str], tickers: int, remedy: str) -> Reason:
    """A reason about these tickers (each with what is said of it) of so many."""
    named = sorted(apart)
    shown = "; ".join(f"{ticker}: {apart[ticker]}" for ticker in named[:_SHOWN])
    more = f"; and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return Reason(
        check,
        f"{len(named):,} of {tickers:,} tickers: {shown}{more}",
        share=len(named) / max(tickers, 1),
        tickers=tuple(named[:MOST_NAMED]),
        remedy=remedy,
        tolerated=len(named) <= TOLERATED_SHARE * tickers,
    )


def _closing(minutes: TableReader, totals: pl.DataFrame, days: pl.DataFrame, day: date) -> Iterator[Reason]:
    doubtful = sorted(set(may_lack_close(totals, day)) & set(days["ticker"]))
    if not doubtful:
        return
    rows = minutes.rows(day, doubtful, ("ticker", "window_start", "low", "high"))
    apart = lacking_close(rows, days.filter(pl.col("ticker").is_in(doubtful)), day)
    if apart.height:
        told = {
            ticker: f"closed at {close}, last minute {last:%H:%M} UTC" if last else f"closed at {close}, no minute"
            for ticker, close, last in apart.select("ticker", "day_close", "last_minute").iter_rows()
        }
        reason = differing(Check.CLOSING_MINUTE, told, days.height, repair(day, sorted(told)))
        if is_suspicious(apart.height, days.height):
            yield reason
        else:
            yield Reason(reason.check, reason.text, reason.share, reason.tickers, reason.remedy, tolerated=True)


def _volumes(apart: pl.DataFrame) -> dict[str, str]:
    return {
        row["ticker"]: f"minutes have {row['minutes']:,.0f} of {row['day']:,.0f}" for row in apart.iter_rows(named=True)
    }


def _prices(apart: pl.DataFrame) -> dict[str, str]:
    return {ticker: f"the day's {field} is not its minutes'" for ticker, field in apart.iter_rows()}
