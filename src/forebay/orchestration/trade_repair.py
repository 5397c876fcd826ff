"""Bars from trades in place of minute bars that are missing or wrong; what the vendor has right stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import polars as pl

from forebay.bars.compare import DIFFERS, EXTRA, MISSING
from forebay.clock import Clock
from forebay.lake.writing.table import LakeTables
from forebay.ledger import Ledger
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source
from forebay.orchestration.reconcile import Reconciler
from forebay.orchestration.trade_check import MINUTES, DayCheck, TickerCheck, TradeCheck

_MINUTE_FILES = DATASETS["us_stocks_sip/minute_aggs_v1"]


class Decision(StrEnum):
    """What is done for a ticker."""

    RIGHT = "right"
    """Its minutes are what its trades make: nothing is to be done."""
    REPAIR = "repair"
    """Missing minutes are added, wrong ones replaced, those without a trade taken out."""
    ADD = "add missing only"
    """No day bar is held that would bear its trades out: missing minutes are added, no other is touched."""
    REFUSE = "refuse"
    """Its day bar says something else than its trades: these may not be all there."""
    NO_TRADES = "no trades"
    """No trade of it set a price on that day."""


def decide(check: TickerCheck) -> Decision:
    """What to do for a ticker, by how its bars compare."""
    if not (check.missing or check.extra or check.differing):
        return Decision.RIGHT if check.minutes else Decision.NO_TRADES
    if check.borne_out is False:
        return Decision.REFUSE
    if not check.minutes:
        return Decision.NO_TRADES
    return Decision.REPAIR if check.borne_out else Decision.ADD


_LETS = {Decision.REPAIR: (MISSING, DIFFERS, EXTRA), Decision.ADD: (MISSING,)}
"""Which differences are put right."""


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What a repair would do, or has done."""

    found: DayCheck
    decisions: dict[str, Decision]
    todo: pl.DataFrame
    """The differences that are put right."""

    @property
    def put(self) -> pl.DataFrame:
        """The bars that go into the lake."""
        keys = self.todo.filter(pl.col("what") != EXTRA).select("ticker", "window_start")
        return self.found.built.join(keys, on=["ticker", "window_start"], how="semi").sort("ticker", "window_start")

    @property
    def gone(self) -> pl.DataFrame:
        """The keys of the bars that leave it."""
        return self.todo.filter(pl.col("what") != MISSING).select("ticker", "window_start")

    @property
    def incomplete(self) -> bool:
        """Whether differences stay, or a ticker has nothing that it could be repaired with."""
        return self.todo.height < self.found.apart.height or Decision.NO_TRADES in self.decisions.values()

    def done_for(self, ticker: str) -> Counter[str]:
        """How many of a ticker's differences are put right, by kind."""
        return Counter(self.todo.filter(pl.col("ticker") == ticker)["what"].to_list())


@dataclass(frozen=True, slots=True)
class TradeRepair:
    """Works in the foreground: one file is read, a person looks on, and one commit follows.

    Cut off before it, nothing has changed; there is nothing that a lease or a queue would keep.
    """

    check: TradeCheck
    tables: LakeTables
    ledger: Ledger
    reconciler: Reconciler
    clock: Clock

    def plan(self, day: date, tickers: Collection[str]) -> RepairPlan:
        """What is to be done for `tickers`. Changes nothing. Raises as `TradeCheck.check`."""
        found = self.check.check(day, tickers)
        decisions = {each.ticker: decide(each) for each in found.tickers}
        parts = [
            found.apart.filter((pl.col("ticker") == ticker) & pl.col("what").is_in(_LETS[decision]))
            for ticker, decision in decisions.items()
            if decision in _LETS
        ]
        return RepairPlan(found, decisions, pl.concat([found.apart.clear(), *parts]))

    def carry_out(self, plan: RepairPlan) -> bool:
        """Do it in one commit, and record it; whether anything had to be done. Twice is once.

        Raises TemporaryError when the lake has changed since the plan, CheckFailed, LakeError and StoreError.
        """
        day, new = plan.found.day, False
        if plan.todo.height:
            staged = self.tables.stage([plan.put], _MINUTE_FILES, plan.found.reading.key)
            new = self.tables.patch_day(staged, day, plan.decisions, plan.gone, plan.found.held).new
        self.ledger.coverage.record(self._coverage(plan))
        if pair := self.reconciler.pair(day):
            self.reconciler.compare(*pair)
        return new

    def _coverage(self, plan: RepairPlan) -> list[Coverage]:
        """A row for each ticker whose minutes are now what its trades make, some of them put right by these."""
        dates = Interval(plan.found.day, plan.found.day)
        known = self.ledger.coverage.find(LAKE, MINUTES, list(plan.decisions), dates, verdicts=[Verdict.COMPLETE])
        recorded = {row.partition.symbol for row in known if row.source is Source.TRADES} - set(plan.todo["ticker"])
        built = set(plan.found.held.filter(pl.col("source") == Source.TRADES)["ticker"])
        built |= {*plan.put["ticker"], *plan.gone["ticker"]}
        whole = {
            each.ticker
            for each in plan.found.tickers
            if plan.decisions[each.ticker] in (Decision.REPAIR, Decision.RIGHT) or not (each.extra or each.differing)
        }
        checks = {each.ticker: each for each in plan.found.tickers}
        now = self.clock.now()
        return [
            Coverage(
                Partition(MINUTES, ticker, dates),
                LAKE,
                Source.TRADES,
                Verdict.COMPLETE,
                self._evidence(plan, checks[ticker]),
                now,
            )
            for ticker in sorted((built & whole) - recorded)
        ]

    def _evidence(self, plan: RepairPlan, check: TickerCheck) -> Evidence:
        reading = plan.found.reading
        done = plan.done_for(check.ticker)
        return Evidence(
            rows=check.minutes,
            bytes=reading.received.bytes,
            sha256=reading.received.sha256,
            revision=reading.revision,
            reason=f"{done.total()} minute bars put right from trades" if done else "",
            details={"built_from": reading.key, "day_bar_agrees": check.borne_out, **done},
        )
