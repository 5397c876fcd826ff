"""Corporate actions from the vendor into the lake's tables, with their doubts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from forebay.clock import Clock
from forebay.errors import LakeError
from forebay.lake.actions.adjusting import names_of
from forebay.lake.actions.shape import DIVIDENDS, SPLITS, Shape
from forebay.lake.actions.tables import read
from forebay.lake.reading.reader import Lake
from forebay.orchestration.actions.chains import Chains
from forebay.orchestration.actions.held import HeldTickers, held_tickers
from forebay.orchestration.actions.lists import Asked, Lists
from forebay.orchestration.actions.memory import Memory
from forebay.vendor.rest import RestClient

NARROW = 50
"""Up to so many tickers are asked for by name, in full; for more the lists of the whole market are read on."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh came to."""

    since: date
    """Actions from this day on were asked for."""
    tickers: int
    """So many tickers were asked for by name; 0: the whole market."""
    splits: int
    """Rows of the table now."""
    dividends: int
    doubted: int
    """Rows of both with a flag."""
    changed: tuple[str, ...]
    """The tables that are others than before."""
    names_left: int
    """Tickers whose earlier and later names were not asked for yet; the next refresh goes on with them."""

    def __str__(self) -> str:
        asked = f"{self.tickers} tickers" if self.tickers else "the market"
        news = f"changed: {', '.join(self.changed)}" if self.changed else "nothing new"
        lines = [f"actions of {asked} since {self.since}: {self.splits:,} splits, {self.dividends:,} dividends; {news}"]
        if self.doubted:
            lines.append(f"{self.doubted:,} are doubted and not applied: `forebay actions check` shows them")
        if self.names_left:
            lines.append(f"{self.names_left:,} tickers were not asked for other names yet: refresh again for more")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class ActionsRefresh:
    """Reads what is new, or all of it when that is due, and the names of those whose bars are held."""

    lake: Lake
    rest: RestClient
    memory: Memory
    clock: Clock
    names_at_most: int
    """Tickers whose chains of names one refresh asks for."""
    narrow: int = NARROW

    def run(self, tickers: Collection[str] = (), *, full: bool = False) -> Refreshed:
        """Refresh the three tables for what the lake holds, or for `tickers` alone.

        `full` reads every row again, and believes the vendor when it lists far fewer than before. Raises LakeError
        when no bars of stocks are held, CheckFailed for lists that lost most of their rows, VendorError; a table that
        was not finished is as it was.
        """
        held = held_tickers(self.lake)
        if not held.dates:
            raise LakeError(
                f"the lake at {self.lake.home.uri} has no bars of stocks that actions could be for",
                remedy="run `forebay sync` with stocks/bars_1d first",
            )
        chains = Chains(self.rest, self.lake.home, self.memory, self.clock)
        of_quiet = [ticker for ticker in held.quiet() if not tickers or ticker in tickers]
        left = chains.learn(of_quiet, held, self.names_at_most)
        scope = self._scope(tickers, held)
        since, whole = self.memory.since(held.span.start, scope, full=full)
        splits, dividends = self.rest.actions.splits(since, scope), self.rest.actions.dividends(since, scope)
        concerned = [row.ticker for rows in (splits, dividends) for row in rows if row.ticker in held.dates]
        left += chains.learn([*tickers, *concerned], held, self.names_at_most)
        asked = Asked(since, scope)
        changed = list(Lists(self.lake, self.clock, full).store(splits, dividends, asked))
        self.memory.remember_lists(since, len(splits) + len(dividends), whole=whole and not scope)
        return self._report(asked, changed, left)

    def _scope(self, tickers: Collection[str], held: HeldTickers) -> list[str]:
        """The tickers to ask for by name, with what else their bearers are called; none for the whole market."""
        family = names_of(self.lake.home).family(tickers or held.dates)
        return sorted(family) if tickers or len(family) <= self.narrow else []

    def _report(self, asked: Asked, changed: list[str], left: int) -> Refreshed:
        splits, dividends = self._listed(SPLITS), self._listed(DIVIDENDS)
        doubted = splits["flag"].count() + dividends["flag"].count()
        counts = (splits.height, dividends.height, doubted)
        return Refreshed(asked.since, len(asked.tickers), *counts, changed=tuple(changed), names_left=left)

    def _listed(self, shape: Shape) -> pl.DataFrame:
        rows = read(self.lake.home, shape)
        assert rows is not None  # it has just been written
        return rows.filter(pl.col("withdrawn_at").is_null())
