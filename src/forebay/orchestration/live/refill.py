"""What was not heard is asked for by REST: bars of the named symbols, and of those that a wildcard brought.

Trades, quotes and values have no such answer and stay missing; the evidence says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Any

import polars as pl

from forebay.clock import Clock
from forebay.errors import BadRequest, NotEntitled, PageRejected
from forebay.model.instrument import AssetClass
from forebay.model.live import WILDCARD, Cluster, Noted
from forebay.model.message import BarMessage, Message
from forebay.model.partition import Source
from forebay.model.registry import Phase
from forebay.orchestration.live.meanwhile import Meanwhile
from forebay.orchestration.live.shares import LENGTHS, OVERLAP, SKEW, Share, Window, dates_of, hull, hulls, whole
from forebay.vendor.rest import RestClient
from forebay.vendor.stream.channels import Kind

_TIMEFRAMES = {Kind.MINUTES: "1m", Kind.SECONDS: "1s"}
_NO_REST = "no API key"
_HEARD_FOR = timedelta(minutes=2)
"""How long a wildcard is heard after an interruption before it is taken to have shown whom it brings."""
_AT_ONCE = 8
"""Symbols that are asked for at a time: a whole market, one after the other, takes a quarter of an hour."""

Send = Callable[[Sequence[Message]], None]
Seen = Mapping[Kind, Counter[str]]
"""How often which symbol came on a channel of a kind."""
Held = Callable[[Cluster, date, date], Collection[str]]
"""Symbols with minute bars on some session dates: a process that has just begun has seen nobody yet."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of one symbol."""

    symbol: str
    windows: Mapping[Kind, Window]
    tells: bool
    """Whether its minutes tell if it has seconds: both are asked for, up to a minute that is over."""


@dataclass(slots=True)
class _Round:
    """One refill, for the threads that ask."""

    shares: Sequence[Share]
    send: Send
    stopped: Callable[[], bool]
    calls: int = 0
    answered: bool = False
    """Whether any answer could be used."""
    rejected: PageRejected | None = None
    """Why one could not."""
    _lock: Lock = field(default_factory=Lock)

    def note(self, kind: Kind, symbol: str, starts: Sequence[datetime], calls: int) -> None:
        with self._lock:
            self.calls += calls
            self.answered |= calls > 0
            for share in self.shares:
                if share.wants(kind, symbol):
                    share.symbols += 1
                    share.count(kind, starts)

    def leave(self, kind: Kind, symbol: str, reason: str, calls: int = 0) -> None:
        with self._lock:
            self.calls += calls
            for share in self.shares:
                share.left[reason] += share.wants(kind, symbol)


@dataclass(frozen=True, slots=True)
class Refill:
    """Asks and sends on. A refill costs at most `budget` calls for wildcards; named symbols are always asked."""

    rest: RestClient | None
    clock: Clock
    budget: int
    delay: timedelta
    """How far the stream's host is behind."""
    held: Held
    meanwhile: Meanwhile = field(default_factory=Meanwhile)
    """Is told what the stream brings."""

    def is_due(self, noted: Noted) -> bool:
        """Whether one that is over can be refilled now."""
        lost = noted.interruption
        wait = _HEARD_FOR if any(each.symbol == WILDCARD for each in lost.subscriptions) else SKEW
        return lost.ended is not None and self.clock.now() - self.delay >= lost.ended + wait

    def run(
        self, several: Sequence[Noted], seen: Seen, send: Send, stopped: Callable[[], bool]
    ) -> list[dict[str, Any]] | None:
        """Refill some of one cluster that are over, together; the evidence of each.

        None when `stopped` said so before the end. A symbol whose answer stays wrong is left to its flat file. Raises
        VendorError for what may go better later, such as answers that are all wrong, LakeError and StoreError where it
        cannot be told whose bars are held, and whatever `send` raises.
        """
        shares = [Share(noted.interruption) for noted in several]
        asking = _Round(shares, send, stopped)
        questions = self._questions(shares, seen, asking)
        cluster = shares[0].lost.cluster
        with ThreadPoolExecutor(_AT_ONCE, "refill") as pool:
            if not all(pool.map(partial(self._ask, cluster, asking), questions)):
                return None
        if asking.rejected and not asking.answered:
            raise asking.rejected
        for share in shares:
            share.left = +share.left
        numbers = [noted.id for noted in several]
        return [
            share.evidence(asking.calls, [each for each in numbers if each != number])
            for number, share in zip(numbers, shares, strict=True)
        ]

    def _questions(self, shares: Sequence[Share], seen: Seen, asking: _Round) -> list[_Question]:
        """Named symbols first, then those of a wildcard, the busiest first."""
        windows = hulls(shares)
        named = sorted({name for of_kind in windows.values() for name in of_kind} - {WILDCARD})
        wild = [kind for kind in LENGTHS if WILDCARD in windows[kind]]
        brought = self._brought(shares, seen, wild, asking) if wild else []
        known = {*named}
        others = [name for name in brought if name not in known]
        most = self.budget // max(len(wild), 1)
        for share in shares:
            if any(WILDCARD in names for names in share.wanted.values()) and len(others) > most:
                share.left[f"beyond {self.budget} calls"] += len(others) - most
        return [_question(name, windows, wild) for name in (*named, *others[:most])]

    def _brought(self, shares: Sequence[Share], seen: Seen, wild: Sequence[Kind], asking: _Round) -> list[str]:
        """Whom a wildcard brought: the busiest since this process began, those whose bars are held, whoever traded."""
        came = sum((seen.get(kind, Counter()) for kind in wild), Counter[str]())
        cluster = shares[0].lost.cluster
        dates = sorted({day for share in shares for day in dates_of(share.lost)})
        held = self.held(cluster, dates[0], dates[-1]) if dates else ()
        traded = self._traded(cluster, asking)
        return list(dict.fromkeys([*(symbol for symbol, _ in came.most_common()), *sorted(held), *traded]))

    def _traded(self, cluster: Cluster, asking: _Round) -> list[str]:
        """Whom the vendor shows to have traded today: some did so only while nobody listened."""
        if self.rest is None:
            return []
        asking.calls += 1
        try:
            return self.rest.snapshots.traded(cluster.asset_class)
        except NotEntitled:
            return []

    def _ask(self, cluster: Cluster, asking: _Round, question: _Question) -> bool:
        """Ask about one symbol, and send on what there is; false when it is to end."""
        bars = 0
        for kind, window in question.windows.items():
            if asking.stopped():
                return False
            if self.rest is None:
                asking.leave(kind, question.symbol, _NO_REST)
            elif kind is Kind.SECONDS and question.tells and not bars:
                asking.note(kind, question.symbol, [], 0)
            else:
                bars += self._bars(self.rest, cluster, asking, (question.symbol, kind, window))
        return True

    def _bars(self, rest: RestClient, cluster: Cluster, asking: _Round, asked: tuple[str, Kind, Window]) -> int:
        """How many bars there were; one more for a symbol that the vendor refuses to tell of."""
        symbol, kind, window = asked
        if window[0] > window[1]:
            asking.note(kind, symbol, [], 0)
            return 0
        timeframe, settled = _TIMEFRAMES[kind], self.clock.now() - self.delay - OVERLAP
        pages, starts = rest.bars_between(symbol, timeframe, *window), list[datetime]()
        try:
            with self.meanwhile.behind(timeframe, symbol, asking.send):
                for rows in pages:
                    inside = rows.filter(pl.col("window_start").is_between(*window))
                    asking.send(_messages(inside, cluster.asset_class, timeframe, settled))
                    starts += inside["window_start"].to_list()
        except (NotEntitled, BadRequest, PageRejected) as error:
            if isinstance(error, PageRejected):
                asking.rejected = error
            asking.leave(kind, symbol, str(error)[:200], max(pages.pages, 1))
            return 1
        asking.note(kind, symbol, starts, max(pages.pages, 1))
        return len(starts)


def _messages(rows: pl.DataFrame, asset_class: AssetClass, timeframe: str, settled: datetime) -> list[Message]:
    """As messages. What the stream may yet change is the stream's, else its change would be of a lesser source."""
    border = int(settled.timestamp() * 1000)
    found = rows.select(
        *("ticker", pl.col("window_start").dt.epoch("ms"), "open", "high", "low", "close"),
        *("volume", "vwap", "transactions"),
    )
    source = {True: Source.REST, False: Source.STREAM}
    stream = Phase.STREAM
    return [
        BarMessage(ticker, asset_class, timeframe, at, o, h, low, c, v, vw, n, source[at < border], stream)
        for ticker, at, o, h, low, c, v, vw, n in found.iter_rows()
    ]


def _question(symbol: str, windows: Mapping[Kind, Mapping[str, Window]], wild: Sequence[Kind]) -> _Question:
    """The windows in which its bars may start, minutes first."""
    asked: dict[Kind, Window] = {}
    for kind, of_kind in windows.items():
        found = [of_kind[name] for name in (symbol, WILDCARD) if name in of_kind]
        if found:
            asked[kind] = hull(found[0], found[-1])
    tells = len(wild) == len(LENGTHS) and _covers(asked[Kind.MINUTES], asked[Kind.SECONDS])
    bars = {
        kind: (whole(first, LENGTHS[kind]), last if tells and kind is Kind.MINUTES else last - LENGTHS[kind])
        for kind, (first, last) in asked.items()
    }
    return _Question(symbol, bars, tells)


def _covers(one: Window, other: Window) -> bool:
    return one[0] <= other[0] and other[1] <= one[1]
