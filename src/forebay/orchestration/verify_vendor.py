"""What else may bear a session out: the vendor's grouped daily answer, and the trades that are held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import TYPE_CHECKING

import polars as pl

from forebay.bars.build import BarBuilder, sum_up
from forebay.bars.conditions import Rulings
from forebay.bars.sizes import ONE_DAY, ONE_MINUTE, Hours
from forebay.bars.trades import TRADE_ROWS, TradeRules, judge
from forebay.errors import CheckFailed, LakeError
from forebay.lake.verification.files import UNREADABLE
from forebay.lake.verification.reconcile import other_than_grouped
from forebay.lake.verification.scores import Check, Reason
from forebay.lake.verification.verify import TableReader
from forebay.model.feed import ARCHIVE
from forebay.model.intervals import Interval
from forebay.orchestration.grouped import GROUPED_TABLES
from forebay.orchestration.remedies import repair, sync
from forebay.orchestration.trade_check import MINUTES, TickerCheck, TradeCheck
from forebay.orchestration.verify_pairs import differing

if TYPE_CHECKING:
    from forebay.ledger.coverage import CoverageBook
    from forebay.vendor.rest import RestClient

SAMPLE = 20
"""Tickers of a session whose bars are held against their trades, unless all are."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Which witnesses are heard."""

    coverage: CoverageBook
    trades: TradeCheck
    held_trades: TableReader
    """The lake's own table of trades, which may be empty."""
    rest: RestClient | None = None
    """Asked for grouped daily bars where it is given: one call a session, within the rate budget."""
    seed: int = 0
    """Which tickers are sampled: the same ones by the same seed."""

    def reasons(self, reader: TableReader, totals: pl.DataFrame, day: date, *, deep: bool) -> Iterator[Reason]:
        """What they say against a session with these totals. Raises VendorError."""
        if not totals.width or not totals.height:
            return
        if self.rest and reader.dataset.table in GROUPED_TABLES:
            yield from self._grouped(self.rest, reader, totals, day)
        if reader.dataset.table == MINUTES:
            try:
                checks = self._checks(totals["ticker"].to_list(), day, deep=deep)
            except (CheckFailed, LakeError, *UNREADABLE) as error:
                yield Reason(Check.TRADES, f"not compared with the trades: {error}", tolerated=True)
                return
            apart = {check.ticker: _told(check) for check in checks if not check.equal}
            if apart:
                yield differing(Check.TRADES, apart, len(checks), repair(day, sorted(apart)))

    def _grouped(self, rest: RestClient, reader: TableReader, totals: pl.DataFrame, day: date) -> Iterator[Reason]:
        answer = rest.grouped_daily(reader.dataset.asset_class, day)
        if reader.tickers is not None:
            answer = answer.filter(pl.col("ticker").is_in(sorted(reader.tickers)))
        whole = bool(totals["from_file"].sum())
        apart = dict(other_than_grouped(totals, answer, whole=whole).iter_rows())
        if apart:
            told = {ticker: f"grouped daily has another {field}" for ticker, field in apart.items()}
            yield differing(Check.GROUPED, told, totals.height, sync(reader.dataset.table, day))

    def _checks(self, tickers: list[str], day: date, *, deep: bool) -> tuple[TickerCheck, ...]:
        """By the lake's trades of a sample, of all with `deep`; by the archive's file, read whole, only with that."""
        asked = tickers if deep else self._sample(tickers, day)
        rows = self.held_trades.rows(day, asked, list(TRADE_ROWS))
        if rows.height:
            return self.trades.compare(day, *bars_of(rows, day, self.trades.trades.rules), set(asked))
        if deep and self.coverage.revisions(ARCHIVE, "stocks/trades", Interval(day, day)):
            return self.trades.check(day, asked).tickers
        return ()

    def _sample(self, tickers: list[str], day: date) -> list[str]:
        return sorted(Random(f"{self.seed} {day}").sample(tickers, min(SAMPLE, len(tickers))))


def bars_of(rows: pl.DataFrame, day: date, rules: TradeRules) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Minute and day bars (BAR_ROWS, sorted) of trades in TRADE_ROWS columns, all of a New York session date."""
    hours = Hours.on(day)
    prints = judge(rows.cast(TRADE_ROWS), hours, rules, Rulings(rules.unknown)).prints
    sizes = (ONE_MINUTE, ONE_DAY)
    builders = [BarBuilder(size, hours, gather=True) for size in sizes]
    parts = [
        pl.concat([builder.take(sum_up(prints, size, hours)), builder.finish()])
        for builder, size in zip(builders, sizes, strict=True)
    ]
    return parts[0].sort("ticker", "window_start"), parts[1]


def _told(check: TickerCheck) -> str:
    counts = {"missing": check.missing, "extra": check.extra, "differing": check.differing}
    said = ", ".join(f"{count} minutes {what}" for what, count in counts.items() if count)
    return said or f"its day bar {check.day}"
