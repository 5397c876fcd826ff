"""What was not heard is asked for by REST: bars of the named symbols, and of those that a wildcard brought.

Trades, quotes and values have no such answer and stay missing; the evidence says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from forebay.clock import Clock
from forebay.errors import BadRequest, NotEntitled
from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.catalogue import Kind as Rows
from forebay.model.instrument import AssetClass
from forebay.model.live import WILDCARD, Cluster, Interruption
from forebay.model.message import BarMessage, Message
from forebay.model.partition import Source
from forebay.model.registry import Phase
from forebay.vendor.rest import RestClient
from forebay.vendor.stream.channels import CHANNELS, Kind

CHANGING = timedelta(minutes=15)
"""So long the vendor sends a bar again when a late trade changes it (vendor page on streaming, section 3)."""
OVERLAP = CHANGING + timedelta(minutes=1)
"""Asked for before an interruption, too: bars that were heard, and changed while nobody listened."""
_TIMEFRAMES = {Kind.MINUTES: ("1m", timedelta(minutes=1)), Kind.SECONDS: ("1s", timedelta(seconds=1))}
_NO_REST = "no API key"
_SKEW = timedelta(seconds=5)
"""How far our clock may be behind the vendor's: what ended so soon after is asked for as well, and not before."""
_HEARD_FOR = timedelta(minutes=2)
"""How long a wildcard is heard after an interruption before it is taken to have shown whom it brings."""

Send = Callable[[Sequence[Message]], None]
Seen = Mapping[Kind, Counter[str]]
"""How often which symbol came on a channel of a kind."""
Held = Callable[[Cluster, date, date], Collection[str]]
"""Symbols with minute bars on some session dates: a process that has just begun has seen nobody yet."""


@dataclass
class Refilled:
    """What came of it."""

    calls: int = 0
    symbols: int = 0
    bars: int = 0
    left: Counter[str] = field(default_factory=Counter)
    """Symbols whose bars nobody asked for, by the reason."""
    not_refilled: list[str] = field(default_factory=list)
    """Channels whose events REST has not."""

    def evidence(self, days: Sequence[str]) -> dict[str, Any]:
        """For the ledger. What is left comes with the flat files of these days."""
        told: dict[str, Any] = {"calls": self.calls, "symbols": self.symbols, "bars": self.bars}
        if self.left:
            told |= {"left": dict(self.left), "left_to": f"the flat files of {', '.join(days)}"}
        return told | ({"not_refilled": self.not_refilled} if self.not_refilled else {})


@dataclass(frozen=True, slots=True)
class Refill:
    """Asks and sends on. An interruption costs at most `budget` calls for wildcards; named symbols are always asked."""

    rest: RestClient | None
    clock: Clock
    budget: int
    delay: timedelta
    """How far the stream's host is behind."""
    held: Held

    def is_due(self, lost: Interruption) -> bool:
        """Whether one that is over can be refilled now."""
        wait = _HEARD_FOR if any(each.symbol == WILDCARD for each in lost.subscriptions) else _SKEW
        return lost.ended is not None and self.clock.now() - self.delay >= lost.ended + wait

    def run(self, lost: Interruption, seen: Seen, send: Send, stopped: Callable[[], bool]) -> dict[str, Any] | None:
        """Refill one that is over; its evidence, or None when `stopped` said so before its end.

        Raises VendorError for what may go better later, and whatever `send` raises.
        """
        assert lost.ended is not None, "it lasts"
        done = Refilled()
        first, last = lost.began - OVERLAP, lost.ended + _SKEW
        for kind, symbols in self._wanted(lost, seen, done):
            timeframe, length = _TIMEFRAMES[kind]
            for symbol in symbols:
                if stopped():
                    return None
                self._one(lost.cluster, (symbol, timeframe), (_whole(first, length), last - length), done, send)
        return done.evidence(_days(lost))

    def _wanted(self, lost: Interruption, seen: Seen, done: Refilled) -> Iterator[tuple[Kind, Sequence[str]]]:
        """The symbols to ask for, kind by kind."""
        by_kind: dict[Kind, list[str]] = {}
        for each in lost.subscriptions:
            by_kind.setdefault(CHANNELS[lost.cluster][each.channel], []).append(each.symbol)
        done.not_refilled += sorted(kind.value for kind in by_kind if kind not in _TIMEFRAMES)
        wild = any(each.symbol == WILDCARD for each in lost.subscriptions)
        traded = self._traded(lost.cluster, done) if wild else []
        for kind in (kind for kind in _TIMEFRAMES if kind in by_kind):
            named = sorted({*by_kind[kind]} - {WILDCARD})
            if WILDCARD in by_kind[kind]:
                brought = self._brought(lost, seen.get(kind, Counter()))
                named += self._busiest([*brought, *(one for one in traded if one not in brought)], named, done)
            if self.rest is None:
                done.left[_NO_REST] += len(named)
            else:
                yield kind, named

    def _brought(self, lost: Interruption, came: Counter[str]) -> dict[str, None]:
        """Whom a wildcard brought: the busiest since this process began, then those whose bars are held."""
        dates = [date.fromisoformat(day) for day in _days(lost)]
        held = self.held(lost.cluster, dates[0], dates[-1]) if dates else ()
        return dict.fromkeys([*(symbol for symbol, _ in came.most_common()), *sorted(held)])

    def _traded(self, cluster: Cluster, done: Refilled) -> list[str]:
        """Whom the vendor shows to have traded today: some did so only while nobody listened."""
        if self.rest is None:
            return []
        done.calls += 1
        try:
            return self.rest.snapshots.traded(cluster.asset_class)
        except NotEntitled:
            return []

    def _busiest(self, brought: Sequence[str], named: Sequence[str], done: Refilled) -> list[str]:
        """As many of those as the budget allows."""
        known = [symbol for symbol in brought if symbol not in named]
        if len(known) > self.budget:
            done.left[f"beyond {self.budget} calls"] += len(known) - self.budget
        return known[: self.budget]

    def _one(
        self,
        cluster: Cluster,
        what: tuple[str, str],
        window: tuple[datetime, datetime],
        done: Refilled,
        send: Send,
    ) -> None:
        assert self.rest is not None, "nobody is asked without it"
        symbol, timeframe = what
        pages = self.rest.bars_between(symbol, timeframe, *window) if window[0] <= window[1] else None
        try:
            for rows in pages or ():
                inside = rows.filter(pl.col("window_start").is_between(*window))
                done.bars += inside.height
                send(self._messages(inside, cluster.asset_class, timeframe))
        except (NotEntitled, BadRequest) as error:
            done.left[str(error)[:200]] += 1
        else:
            done.symbols += 1
        done.calls += max(pages.pages, 1) if pages else 0

    def _messages(self, rows: pl.DataFrame, asset_class: AssetClass, timeframe: str) -> list[Message]:
        """As messages. What the stream may yet change is the stream's, else its change would be of a lesser source."""
        settled = int((self.clock.now() - self.delay - OVERLAP).timestamp() * 1000)
        found = rows.select(
            *("ticker", pl.col("window_start").dt.epoch("ms"), "open", "high", "low", "close"),
            *("volume", "vwap", "transactions"),
        )
        source = {True: Source.REST, False: Source.STREAM}
        stream = Phase.STREAM
        return [
            BarMessage(ticker, asset_class, timeframe, at, o, h, low, c, v, vw, n, source[at < settled], stream)
            for ticker, at, o, h, low, c, v, vw, n in found.iter_rows()
        ]


def _whole(moment: datetime, length: timedelta) -> datetime:
    """The start of the window that a moment is in."""
    return moment - timedelta(seconds=moment.timestamp() % length.total_seconds())


def _days(lost: Interruption) -> list[str]:
    """The session dates that it touches."""
    dataset = BAR_DATASETS[f"{lost.cluster.asset_class}/{Rows.BARS_1M}"]
    assert lost.ended is not None, "it is over"
    zone = ZoneInfo(dataset.timezone)
    dates = (each.astimezone(zone).date() for each in (lost.began, lost.ended))
    return [day.isoformat() for day in session_days(dataset.calendar, *dates)]
