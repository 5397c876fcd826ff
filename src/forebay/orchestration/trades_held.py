"""Held trades as witnesses: the minute bars that they make and the lake lacks, or that it lacks none."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from forebay.bars.trades import TRADE_ROWS
from forebay.lake.verification.verify import TableReader
from forebay.model.intervals import Interval
from forebay.orchestration.trade_check import TradeCheck
from forebay.orchestration.verify_vendor import bars_of


def minutes_missing(trades: TableReader, check: TradeCheck, day: date, symbols: Collection[str]) -> dict[str, int]:
    """Of these stocks those whose trades in the lake make minute bars of `day` that it lacks, and how many.

    0 for one that lacks none, and whose day bar bears out that its trades are all there. Nothing where no trades of the
    day are held. Raises LakeError.
    """
    span = trades.span
    if span is None or day not in Interval(span.start, span.end):
        return {}
    rows = trades.rows(day, sorted(symbols), list(TRADE_ROWS))
    if not rows.height:
        return {}
    found = check.compare(day, *bars_of(rows, day, check.trades.rules), set(rows["ticker"]))
    return {each.ticker: each.missing for each in found if each.missing or each.borne_out}
