"""Deliveries, compactions and vacuums in any order, against a dictionary of what the lake should hold."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from killing import TABLE, compact, held, on_disk, rows, vacuum
from lakes import DAY, Basin, bars

from forebay.lake.compaction.spans import Span, choose_span
from forebay.model.partition import Source

DAYS = [DAY + timedelta(days=number) for number in (0, 1, 4, 28)]
"""Of one week, of the next, and of the next month."""
TICKERS = ["A", "AA", "AAp", "NA"]
PRICES = st.integers(2, 9).map(float)
SOME = st.lists(st.sampled_from(TICKERS), min_size=1, unique=True)


class LakeModel(RuleBasedStateMachine):
    """One lake. `held` says which source's bars it has of a ticker on a day, at which price."""

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.basin = Basin(self.home)
        self.held: dict[tuple[str, date], tuple[str, float]] = {}

    @rule(day=st.sampled_from(DAYS), tickers=SOME, price=PRICES)
    def flat_file(self, day: date, tickers: list[str], price: float) -> None:
        """A flat file owns its day, whatever was there."""
        self.basin.flatfile(bars(tickers, [day], source=Source.FLATFILE, price=price), day)
        self.held = {key: said for key, said in self.held.items() if key[1] != day}
        self.held |= {(ticker, day): ("flatfile", price) for ticker in tickers}

    @rule(ticker=st.sampled_from(TICKERS), ends=st.tuples(*[st.sampled_from(DAYS)] * 2), price=PRICES)
    def by_rest(self, ticker: str, ends: tuple[date, date], price: float) -> None:
        """REST replaces what it said of these days, but for those that a flat file owns."""
        start, end = min(ends), max(ends)
        days = [day for day in DAYS if start <= day <= end]
        self.basin.rest(bars(ticker, days, price=price), ticker, start, end)
        owned = {day for (_, day), (source, _) in self.held.items() if source == "flatfile"}
        self.held |= {(ticker, day): ("rest", price) for day in days if day not in owned}

    @precondition(lambda self: self.held)
    @rule(span=st.sampled_from([Span.DAY, Span.WEEK, Span.MONTH]), file_rows=st.sampled_from([3, 1000]))
    def compacted(self, span: Span, file_rows: int) -> None:
        """Whatever the layout, the rows stay; and there is nothing left to do."""
        choose_span(self.basin.tables.home.table(TABLE), span)
        compact(self.basin, file_rows)

    @precondition(lambda self: self.held)
    @rule()
    def vacuumed(self) -> None:
        """Only what nobody needs goes, and all of that."""
        vacuum(self.basin)
        assert sorted(held(self.basin.root)) == sorted(on_disk(self.basin.root))

    @invariant()
    def rows_are_those_of_the_model(self) -> None:
        """Every bar once, of the right source, and no other."""
        if not self.held:
            return
        found = sorted(rows(self.basin.root).select("ticker", "session_date", "source", "open").iter_rows())
        assert sorted((*key, *said) for key, said in self.held.items() for _ in range(2)) == found

    def teardown(self) -> None:
        if hasattr(self, "basin"):
            self.basin.staging.close()
            shutil.rmtree(self.home)


LakeModel.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestLakeModel = LakeModel.TestCase
TestLakeModel.__doc__ = "Any order of deliveries, compactions and vacuums leaves the rows that the model has."
