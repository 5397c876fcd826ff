"""Asking who bore which ticker: only where bars are held whose actions may be listed under another name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from forebay.clock import Clock
from forebay.errors import NotKnown
from forebay.lake.actions.merge import merge
from forebay.lake.actions.shape import EVENTS
from forebay.lake.actions.tables import update
from forebay.lake.home.home import Home
from forebay.model.intervals import Interval
from forebay.orchestration.actions.held import HeldTickers
from forebay.orchestration.actions.memory import Memory
from forebay.vendor.actions import Chain
from forebay.vendor.rest import RestClient


@dataclass(frozen=True, slots=True)
class Chains:
    """Chains of tickers into the table of ticker events. Each ticker costs a call, and up to three when it changed."""

    rest: RestClient
    home: Home
    memory: Memory
    clock: Clock

    def learn(self, tickers: Iterable[str], held: HeldTickers, at_most: int) -> int:
        """Ask for the chains of `tickers` that are not known for a month, the first ones first; how many are left.

        Raises VendorError, LakeError; what was learnt until then is kept.
        """
        known = self.memory.named()
        due = [ticker for ticker in dict.fromkeys(tickers) if ticker not in known]
        learnt: dict[str, list[Chain]] = {}
        try:
            for ticker in due[:at_most]:
                learnt[ticker] = self._bearers(ticker, held.dates.get(ticker))
        finally:
            self._store(learnt)
        return len(due) - len(learnt)

    def _bearers(self, ticker: str, held: Interval | None) -> list[Chain]:
        """Who bears the ticker now, and who bore it when its first bar was made."""
        now = self.rest.actions.chain(ticker)
        if held is None or (now and _bore(now, ticker, held.start)):
            return [now] if now else []
        then = self._chain_of(ticker, held.start)
        if then == now and then and then.tickers[0][1] == ticker:  # its list of names begins too late
            return [replace(then, tickers=((held.start, ticker), *then.tickers[1:]))]
        return [chain for chain in dict.fromkeys((now, then)) if chain]

    def _chain_of(self, ticker: str, day: date) -> Chain | None:
        """The vendor tells the chain of who bears a ticker today; of an earlier bearer it wants the FIGI."""
        try:
            figi = self.rest.ticker(ticker, day).composite_figi
        except NotKnown:
            return None
        return self.rest.actions.chain(figi) if figi else None

    def _store(self, learnt: dict[str, list[Chain]]) -> None:
        rows = [row for chains in learnt.values() for chain in chains for row in _rows(chain)]
        if rows:
            fresh = pl.DataFrame(rows, schema=EVENTS.vendor, orient="row").unique("id", maintain_order=True)
            asked = pl.col("instrument").is_in(fresh["instrument"].unique().implode())
            update(self.home, EVENTS, lambda held: merge(held, fresh, asked, EVENTS, self.clock.now()), self.clock)
        for ticker, chains in learnt.items():
            self.memory.remember_chain(ticker, sum(len(chain.tickers) for chain in chains))


def _bore(chain: Chain, ticker: str, day: date) -> bool:
    return any(name == ticker and first <= day for first, name in chain.tickers)


def _rows(chain: Chain) -> Iterator[dict[str, Any]]:
    """One row for each ticker: it ends where the next begins."""
    if not chain.tickers:
        return
    instrument = chain.figi or "{1}@{0}".format(*chain.tickers[0])
    for (first, ticker), last in zip(chain.tickers, _ends(chain.tickers), strict=True):
        yield {
            "id": f"{instrument} {ticker} {first}",
            "instrument": instrument,
            "ticker": ticker,
            "first_date": first,
            "last_date": last,
            "name": chain.name,
            "composite_figi": chain.figi,
            "cik": chain.cik,
        }


def _ends(tickers: Sequence[tuple[date, str]]) -> list[date | None]:
    return [*(following - timedelta(days=1) for following, _ in tickers[1:]), None]
