"""Snapshots, as the vendor gives them: many tickers in one call. Field names: the vendor's REST page, section 3."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from forebay.clock import Clock
from forebay.errors import PageRejected, UsageError
from forebay.model.instrument import AssetClass
from forebay.model.snapshot import SHOWN_CLASSES, LastQuote, LastTrade, Prices, Snapshot
from forebay.vendor.http import VendorHttp
from forebay.vendor.wire import decode

_PATHS = {
    AssetClass.STOCKS: "/v2/snapshot/locale/us/markets/stocks/tickers",
    AssetClass.CRYPTO: "/v2/snapshot/locale/global/markets/crypto/tickers",
    AssetClass.FOREX: "/v2/snapshot/locale/global/markets/forex/tickers",
}
_AT_ONCE = 100
"""Tickers in one question: addresses have an end."""
_FEW = 3
"""From more questions than this on, all tickers are asked for at once: one call."""
_DELAYS = {"OK": timedelta(), "DELAYED": timedelta(minutes=15)}
_REMEDY = "Usually gone on the next attempt; an answer that stays wrong is the vendor's fault: report it there."


_Millis = Annotated[int, msgspec.Meta(ge=0, lt=10**13)]
_Nanos = Annotated[int, msgspec.Meta(ge=0, lt=9 * 10**18)]
_MILLION = 10**6


class _Bar(msgspec.Struct):
    o: float = 0.0
    h: float = 0.0
    l: float = 0.0  # noqa: E741
    c: float = 0.0
    v: float | None = None
    vw: float | None = None
    av: float | None = None
    """Volume of the day so far; of minutes alone, as are `n` and `t`."""
    n: float | None = None
    t: _Millis = 0
    otc: bool = False


class _Trade(msgspec.Struct):
    p: float = 0.0
    s: float | None = None
    t: _Nanos = 0
    x: int | None = None
    i: str | None = None
    c: list[int] | None = None


class _Quote(msgspec.Struct):
    p: float = 0.0
    """The bid; capitals are the offer. Forex has `b` and `a` instead, no sizes, and milliseconds."""
    s: float | None = None
    P: float = 0.0
    S: float | None = None
    b: float = 0.0
    a: float = 0.0
    t: _Nanos = 0


class _Named(msgspec.Struct):
    ticker: str


class _Row(_Named, rename="camel"):
    updated: _Nanos = 0
    todays_change: float | None = None
    todays_change_perc: float | None = None
    fmv: float | None = None
    day: _Bar | None = None
    min: _Bar | None = None
    prev_day: _Bar | None = None
    last_trade: _Trade | None = None
    last_quote: _Quote | None = None


class _Answer(msgspec.Struct):
    status: str = ""
    tickers: list[msgspec.Raw] | None = None


class SnapshotLists:
    """Snapshots by REST. Every question costs one call; methods raise what `RestClient` raises."""

    def __init__(self, http: VendorHttp, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    def of(self, asset_class: AssetClass, tickers: Collection[str]) -> dict[str, Snapshot]:
        """What the vendor shows of `tickers` (case-sensitive); those it says nothing of are left out.

        Raises UsageError for a class without such an answer, PageRejected for one that is not about what was asked.
        """
        if asset_class not in _PATHS:
            raise UsageError(
                f"there are no snapshots of {asset_class} here",
                remedy=f"ask for tickers of {', '.join(SHOWN_CLASSES)}",
            )
        wanted = sorted(set(tickers))
        found: dict[str, Snapshot] = {}
        for some in _questions(wanted):
            found |= self._ask(asset_class, some)
        return {ticker: found[ticker] for ticker in wanted if ticker in found}

    def traded(self, asset_class: AssetClass) -> list[str]:
        """Whom the vendor shows a bar of the day that goes on, without those over the counter; none for other classes.

        One call. Raises as `of`.
        """
        if asset_class not in _PATHS:
            return []
        return sorted(one.ticker for one in self._ask(asset_class, ()).values() if one.day and not one.otc)

    def _ask(self, asset_class: AssetClass, tickers: Sequence[str]) -> dict[str, Snapshot]:
        params = {"tickers": ",".join(tickers)} if tickers else {}
        if asset_class is AssetClass.STOCKS:
            params["include_otc"] = "true"

        def read(body: bytes) -> dict[str, Snapshot]:
            answer = decode(body, _Answer)
            if answer.status not in _DELAYS:
                raise _rejected(f"its status is {answer.status!r}")
            shown = Snapshot("", asset_class, self._clock.now(), _DELAYS[answer.status])
            return _by_ticker(answer.tickers or [], set(tickers), shown)

        return self._http.get(_PATHS[asset_class], params, read)


def _questions(tickers: list[str]) -> Iterator[list[str]]:
    """The tickers of each call; none in one that asks for all."""
    if len(tickers) > _FEW * _AT_ONCE:
        yield []
        return
    for first in range(0, len(tickers), _AT_ONCE):
        yield tickers[first : first + _AT_ONCE]


def _by_ticker(rows: Sequence[msgspec.Raw], asked: set[str], shown: Snapshot) -> dict[str, Snapshot]:
    found: dict[str, Snapshot] = {}
    for row in rows:
        snapshot = _read(row, shown)
        ticker = snapshot.ticker
        if not ticker or not ticker.isprintable() or (asked and ticker not in asked):
            raise _rejected(f"it is about {ticker!r}, which was not asked for")
        if found.setdefault(ticker, snapshot) != snapshot:
            raise _rejected(f"it has two different ones of {ticker}")
    return found


def _read(body: msgspec.Raw, shown: Snapshot) -> Snapshot:
    """One row. One that is not of its form is one ticker's fault, not that of all the others."""
    try:
        row = msgspec.json.decode(body, type=_Row)
    except msgspec.ValidationError as error:
        why = f"the vendor's row cannot be read: {error}"
        return replace(shown, ticker=decode(bytes(body), _Named).ticker, fault=why)
    return replace(
        shown,
        ticker=row.ticker,
        updated=row.updated or None,
        day=_prices(row.day),
        minute=_prices(row.min),
        previous=_prices(row.prev_day),
        trade=_trade(row.last_trade),
        quote=_quote(row.last_quote),
        change=row.todays_change,
        change_percent=row.todays_change_perc,
        fair_value=row.fmv,
        accumulated_volume=row.min.av if row.min else None,
        otc=any(bar.otc for bar in (row.day, row.min) if bar),
    )


def _prices(bar: _Bar | None) -> Prices | None:
    """None for zeros throughout: so the vendor writes that there was no trade yet."""
    if bar is None or not any((bar.o, bar.h, bar.l, bar.c)):
        return None
    count = None if bar.n is None else int(bar.n)
    start = datetime.fromtimestamp(bar.t / 1000, UTC) if bar.t else None
    return Prices(bar.o, bar.h, bar.l, bar.c, bar.v, bar.vw, count, start)


def _trade(row: _Trade | None) -> LastTrade | None:
    if row is None or not (row.p and row.t):
        return None
    return LastTrade(row.p, row.s, row.t, row.x, row.i or "", ",".join(map(str, row.c or ())))


def _quote(row: _Quote | None) -> LastQuote | None:
    bid, ask = (row.p or row.b or None, row.P or row.a or None) if row else (None, None)
    if row is None or not row.t or not (bid or ask):
        return None
    time = row.t if row.p or row.P else row.t * _MILLION
    return LastQuote(bid, row.s if bid else None, ask, row.S if ask else None, time)


def _rejected(why: str) -> PageRejected:
    return PageRejected(f"the vendor's answer about snapshots was rejected: {why}", remedy=_REMEDY)
